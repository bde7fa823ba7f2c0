"""The journal that one process writes."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from uuid import UUID

from daybook.kit import failpoints
from daybook.ledger.journal.format import (
    FRAME_SIZE,
    HEAD_SIZE,
    LOCK,
    Kind,
    encode,
    segment_head,
    segment_name,
)
from llm_tracker.ids import uuid7

SEGMENT = 16 * 2**20
"""Bytes of a segment, allocated before they are needed."""

RESERVED = 4 * 2**10
"""Bytes that are kept free for the end of each open call: its `closed` record fits, if need be without the answer."""

Sync = Literal["process", "disk"]

_NOBODY = UUID(int=0)


class JournalFull(Exception):
    """There is no room to promise one more record: the disk is full, or the journal has grown to its limit."""


class Journal:
    """Appends records. `process`: they survive this process. `disk`: after `durable` they survive the machine.

    At every moment the current segment has room for the ends of all open calls.
    """

    def __init__(
        self, folder: Path, *, sync: Sync = "process", limit: int = 2**30, segment: int = SEGMENT
    ) -> None:
        self.id = str(uuid7())
        self.folder = folder / self.id
        self._limit = limit
        self._segment_size = segment
        self._open_calls = 0
        self._number = 0
        self._fd = -1
        self._offset = 0
        self._size = 0
        self._syncer = _Syncer(lambda: os.dup(self._fd)) if sync == "disk" else None
        self.folder.mkdir(parents=True, mode=0o700)
        self._lock = os.open(self.folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._next_segment(0)

    def open_call(self, call_id: UUID, header: bytes, body: bytes) -> None:
        """Write `opened` and keep room for the call's end. Raises `JournalFull`."""
        failpoints.point("journal.opened.before")
        self._append(Kind.OPENED, call_id, header, body, ends=self._open_calls + 1)
        self._open_calls += 1
        failpoints.point("journal.opened.after")

    def progress(self, call_id: UUID, header: bytes, body: bytes) -> None:
        """Note the new part of a stream. Without room it is skipped: it is only a note."""
        failpoints.point("journal.progress.before")
        with contextlib.suppress(JournalFull):
            self._append(Kind.PROGRESS, call_id, header, body, ends=self._open_calls)
            failpoints.point("journal.progress.after")

    def close_call(self, call_id: UUID, header: bytes, body: bytes, *, essential: bytes) -> None:
        """Write `closed`. Without room for the answer, write only `essential`, for which room was kept."""
        failpoints.point("journal.closed.before")
        self._open_calls -= 1
        try:
            self._append(Kind.CLOSED, call_id, header, body, ends=self._open_calls)
        except JournalFull:
            self._append(Kind.CLOSED, call_id, essential, b"", ends=0)
        failpoints.point("journal.closed.after")

    async def durable(self) -> None:
        """Return when everything that was written before is as safe as was asked for."""
        if self._syncer is not None:
            await self._syncer.sync()

    def close(self) -> None:
        """End the journal: its reader sees that the writer is gone."""
        os.close(self._fd)
        os.close(self._lock)

    def _append(self, kind: Kind, call_id: UUID, header: bytes, body: bytes, *, ends: int) -> None:
        """Write a record so that the ends of `ends` calls still fit after it, in a new segment if need be."""
        pieces = encode(self._number, kind, call_id, header, body)
        size = sum(map(len, pieces))
        if self._offset + size + ends * RESERVED + FRAME_SIZE > self._size:
            self._check_limit(size)
            self._next_segment(size + ends * RESERVED)
            pieces = encode(self._number, kind, call_id, header, body)
        try:
            written = os.pwritev(self._fd, pieces, self._offset)
        except OSError as problem:
            raise JournalFull(f"The journal cannot be written: {problem.strerror}.") from None
        if written != size:
            raise JournalFull("The journal cannot be written: the disk is full.")
        self._offset += size

    def _check_limit(self, size: int) -> None:
        with os.scandir(self.folder) as entries:
            on_disk = sum(entry.stat().st_size for entry in entries)
        if on_disk + size > self._limit:
            raise JournalFull("The journal has grown to its limit, because records cannot be shipped.")

    def _next_segment(self, needed: int) -> None:
        """Go on in a new segment with room for `needed` bytes and more."""
        number, size = self._number + 1, max(self._segment_size, HEAD_SIZE + needed + 2 * FRAME_SIZE)
        path = self.folder / segment_name(number)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
            os.pwrite(fd, segment_head(number), 0)
        except OSError as problem:
            os.close(fd)
            path.unlink()
            raise JournalFull(f"There is no room for the journal: {problem.strerror}.") from None
        failpoints.point("journal.segment.before")
        if self._fd >= 0:
            os.pwritev(self._fd, encode(self._number, Kind.END, _NOBODY, b"", b""), self._offset)
            if self._syncer is not None:
                os.fdatasync(self._fd)
            os.close(self._fd)
        if self._syncer is not None:
            _sync_folder(self.folder)
        self._fd, self._number, self._offset, self._size = fd, number, HEAD_SIZE, size
        failpoints.point("journal.segment.after")


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class _Syncer:
    """Group commit: calls that arrive during a sync share the next one, which begins at once."""

    def __init__(self, current: Callable[[], int]) -> None:
        self._current = current
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Future[None] | None = None

    async def sync(self) -> None:
        """Return when everything written before this call is on disk. Older segments already are."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            if self._running is None:
                self._running = asyncio.create_task(self._run(), name="journal sync")
        await asyncio.shield(self._next)

    async def _run(self) -> None:
        try:
            while (waiting := self._next) is not None:
                self._next = None
                fd = self._current()
                failpoints.point("journal.sync.before")
                try:
                    await asyncio.to_thread(os.fdatasync, fd)
                except OSError as problem:
                    waiting.set_exception(problem)
                else:
                    waiting.set_result(None)
                finally:
                    os.close(fd)
                failpoints.point("journal.sync.after")
        finally:
            self._running = None
