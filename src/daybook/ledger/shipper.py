"""Moves journals into the ledger: those of live gateways as they grow, those of dead ones to their end.

One shipper runs per host, by a lock. It may be killed at any time and keeps no state: the next one reads the journals
again, and the ledger skips calls that it has. Segments are deleted when all their calls are in the ledger.
"""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from daybook.kit import failpoints
from daybook.ledger.entries import Entry
from daybook.ledger.journal import JournalReader, Kind, Record, clear_away, journals_in
from daybook.ledger.writer import LedgerWriter

log = logging.getLogger(__name__)

BATCH = 1000
"""Calls in one transaction at most."""

BATCH_BYTES = 16 * 2**20
"""The same for the bytes of their content."""

_IDLE = 0.03  # seconds between looks at journals that have nothing new
_GATHER = 0.1  # seconds in which calls gather: a transaction for each few costs more than the calls do
_LOOK_FOR_OTHERS = 1.0  # seconds between looks for new journals
_LOOK_BEHIND = 1.0  # seconds between looks behind a torn record
_TURN = 0.01  # seconds of building rows before signals and others get their turn


@dataclass(slots=True)
class JournaledCall:
    """A call from its journal. `closed` is None if its gateway died before the call ended."""

    journal: str
    segment: int
    opened: Record
    progress: list[Record] = field(default_factory=list)
    closed: Record | None = None

    @property
    def id(self) -> UUID:
        """The call's id."""
        return self.opened.call_id

    @property
    def size(self) -> int:
        """Bytes of its content, as far as known."""
        closed = len(self.closed.body) if self.closed is not None else 0
        return len(self.opened.body) + sum(len(note.body) for note in self.progress) + closed


class _Tail:
    """A journal that is being shipped."""

    def __init__(self, folder: Path) -> None:
        self.reader = JournalReader(folder)
        self.open: dict[bytes, JournaledCall] = {}
        self._skipped = float("-inf")
        self.over = False
        """Its writer is gone and everything in it was read."""

    def read(self, room: int) -> list[JournaledCall]:
        """The calls that have ended since the last time, as many as there is room for."""
        ended: list[JournaledCall] = []
        gone = self.reader.writer_is_gone()
        size = 0
        for segment, record in self.reader.records():
            call = self._take(segment, record)
            if call is not None:
                ended.append(call)
                size += call.size
            if len(ended) >= room or size >= BATCH_BYTES:
                return ended
        if ended or self._goes_on(writer_lives=not gone):
            return ended
        if gone:
            # The writer was gone before we read to the end, so open calls will never be closed.
            ended = list(self.open.values())
            self.over = True
        return ended

    def _goes_on(self, *, writer_lives: bool) -> bool:
        """True if there are records behind a torn one. In a live journal this is checked now and then: it reads the
        rest of a segment.
        """
        if writer_lives and time.monotonic() - self._skipped < _LOOK_BEHIND:
            return False
        self._skipped = time.monotonic()
        return self.reader.skip_torn(writer_lives=writer_lives)

    def forget(self, calls: Sequence[JournaledCall]) -> None:
        """Delete the segments that are no longer needed: these calls are in the ledger."""
        for call in calls:
            self.open.pop(call.opened.id_bytes, None)
        needed = min((call.segment for call in self.open.values()), default=self.reader.segment)
        self.reader.forget_before(min(needed, self.reader.segment))

    def _take(self, segment: int, record: Record) -> JournaledCall | None:
        if record.kind is Kind.OPENED:
            self.open[record.id_bytes] = JournaledCall(self.reader.id, segment, record)
            return None
        call = self.open.get(record.id_bytes)
        if call is None:
            return None  # its beginning was shipped and deleted, so it is in the ledger
        if record.kind is Kind.PROGRESS:
            call.progress.append(record)
            return None
        call.closed = record
        return call


class Shipper:
    """Ships the journals in `folder`.

    `build` makes the rows of a call and does not raise. `prepare` is called before a batch is built. `bury` is called
    with the id of a journal whose writer is dead and that is wholly in the ledger.
    """

    def __init__(
        self,
        folder: Path,
        writer: LedgerWriter,
        build: Callable[[JournaledCall], Entry],
        *,
        prepare: Callable[[], Awaitable[None]] | None = None,
        bury: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._writer = writer
        self._build = build
        self._prepare = prepare
        self._bury = bury
        self._tails: dict[Path, _Tail] = {}
        self._looked = float("-inf")
        self._closing = False

    async def run(self) -> None:
        """Ship until `stop`, then the rest of the journals at that moment."""
        lock = await _only_one(self._folder, lambda: self._closing)
        if lock is None:
            return
        try:
            clear_away(self._folder)
            while True:
                closing = self._closing
                shipped = await self.ship()
                if closing and not shipped:
                    return
                if shipped < BATCH and not closing:
                    await asyncio.sleep(_GATHER if shipped else _IDLE)
        finally:
            os.close(lock)
            for tail in self._tails.values():
                tail.reader.close()
            await self._writer.close()

    def stop(self) -> None:
        """Ship the rest, then end `run`."""
        self._closing = True

    async def ship(self) -> int:
        """Ship one batch, waiting for the database if needed. Returns the number of calls in it."""
        self._look_for_journals()
        found: list[tuple[_Tail, list[JournaledCall]]] = []
        room = BATCH
        for tail in self._tails.values():
            calls = tail.read(room)
            if calls or tail.over:
                found.append((tail, calls))
                room -= len(calls)
            if room <= 0:
                break
        calls = [call for _, ended in found for call in ended]
        if calls:
            entries = await self._entries(calls)
            await self._patiently(lambda: self._writer.write(entries), f"{len(entries)} calls")
            failpoints.point("shipper.forget.before")
        for tail, ended in found:
            tail.forget(ended)
            failpoints.point("shipper.forget.after")
            if tail.over:
                await self._end(tail)
        return len(calls)

    async def _entries(self, calls: Sequence[JournaledCall]) -> list[Entry]:
        if self._prepare is not None:
            await self._prepare()
        entries: list[Entry] = []
        turn = time.perf_counter()
        for call in calls:
            entries.append(self._build(call))
            if time.perf_counter() - turn > _TURN:
                await asyncio.sleep(0)
                turn = time.perf_counter()
        return entries

    async def _patiently(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        """Retry `work` while the database is unavailable: the journals keep new calls meanwhile."""
        pause = 0.1
        while True:
            try:
                await work()
            except Exception as problem:  # noqa: BLE001  (no error may lose a call)
                log.warning("%s wait to be recorded: %s: %s", what, type(problem).__name__, problem)
                await self._writer.disconnect()
            else:
                return
            if self._closing:
                raise ShippingStopped(f"{what} stay in the journals: the database is unavailable.")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _end(self, tail: _Tail) -> None:
        """Delete a journal that is wholly in the ledger."""
        if tail.reader.torn:
            log.warning(
                "Journal %s: %d records were torn when its writer died.", tail.reader.id, tail.reader.torn
            )
        bury, owner = self._bury, tail.reader.id
        if bury is not None:
            await self._patiently(lambda: bury(owner), f"The leases of {owner}")
            failpoints.point("shipper.bury.after")
        tail.reader.delete()
        del self._tails[tail.reader.folder]

    def _look_for_journals(self) -> None:
        if time.monotonic() - self._looked < _LOOK_FOR_OTHERS:
            return
        self._looked = time.monotonic()
        for folder in journals_in(self._folder):
            if folder not in self._tails:
                self._tails[folder] = _Tail(folder)


class ShippingStopped(Exception):
    """The shipper was stopped while the database was unavailable; the journals keep the rest."""


async def _only_one(folder: Path, given_up: Callable[[], bool]) -> int | None:
    """Wait to be the only shipper of this host. The lock goes with the process that holds it."""
    fd = os.open(folder / "shipper.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    while not given_up():
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(0.2)
        else:
            return fd
    os.close(fd)
    return None
