"""Writes what calls leave behind: batches by COPY, line and log of a call in one transaction.

Invariants:

- A call that was added is written once, or stays in memory until it can be (`backlog` tells how many wait).
- No record can stop the others: a batch that PostgreSQL refuses is taken apart until the row at fault is
alone; that row's payload is replaced by a note, its line is kept.
- There is no fixed window: the next batch is written as soon as the last one has been, so that a quiet server
records a call within milliseconds and a busy one in large batches.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import asyncpg

from daybook.ledger.entries import LINE_COLUMNS, LOG_COLUMNS, Entry, line_values, log_values
from daybook.ledger.partitions import make_partition, month_of

log = logging.getLogger(__name__)

BATCH = 500
"""Calls in one transaction at most."""

LIMIT = 20_000
"""Calls that may wait in memory; beyond that the gateway refuses new ones rather than lose a record."""

LIMIT_BYTES = 256 * 2**20
"""The same for the bytes of what they said."""

HEAVY = 256 * 2**10
"""From this many bytes on, a call's rows are built beside the event loop."""

_SLICE = 0.002  # seconds of building rows before others get their turn on the event loop
_PATIENCE = 30.0  # seconds to wait at shutdown for a database that is away


class Recorder:
    """Takes calls from the gateway, writes them to the ledger. One per process; start it with `start`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._waiting: deque[tuple[Callable[[], Entry], int]] = deque()
        self._waiting_bytes = 0
        self._added = asyncio.Event()
        self._months: set[tuple[int, int]] = set()
        self._connection: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._writing = 0
        self._closing = False

    @property
    def backlog(self) -> int:
        """Calls that are not in the database yet."""
        return len(self._waiting) + self._writing

    @property
    def full(self) -> bool:
        """Whether so much waits that no further call may be let in."""
        return len(self._waiting) >= LIMIT or self._waiting_bytes >= LIMIT_BYTES

    def add(self, build: Callable[[], Entry], size: int) -> None:
        """Take a call of `size` bytes. `build` makes its rows later, off the request's path."""
        self._waiting.append((build, size))
        self._waiting_bytes += size
        self._added.set()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def close(self) -> None:
        """Write all that waits, then stop. If the database stays away, the loss is reported."""
        self._closing = True
        self._added.set()
        if self._task is not None:
            await self._task
        if self._connection is not None:
            await self._connection.close()

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._added.clear()
                await self._added.wait()
                continue
            batch = await self._build()
            written = await self._write_patiently(batch)
            if not written:
                log.critical("%d calls could not be recorded: the database stayed away.", self.backlog)
                return
            self._writing = 0

    async def _write_patiently(self, batch: list[Entry]) -> bool:
        """Write `batch`, however long the database is away; while we are closing, for `_PATIENCE` at most."""
        pause, give_up = 0.1, float("inf")
        while True:
            try:
                await self._write(batch)
            except Exception as problem:  # noqa: BLE001  (whatever it is, what waits must not be lost for it)
                log.warning(
                    "Not recorded yet, %d calls wait: %s: %s", self.backlog, type(problem).__name__, problem
                )
                await self._disconnect()
            else:
                return True
            if self._closing:
                give_up = min(give_up, time.monotonic() + _PATIENCE)
            if time.monotonic() > give_up:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _build(self) -> list[Entry]:
        batch: list[Entry] = []
        turn = time.perf_counter()
        while self._waiting and len(batch) < BATCH:
            build, size = self._waiting.popleft()
            self._waiting_bytes -= size
            try:
                batch.append(build() if size < HEAVY else await asyncio.to_thread(build))
            except Exception:
                log.critical("A call was lost: its record could not be built.", exc_info=True)
            self._writing = len(batch)
            if time.perf_counter() - turn > _SLICE:
                await asyncio.sleep(0)
                turn = time.perf_counter()
        return batch

    async def _write(self, batch: list[Entry]) -> None:
        connection = await self._connect()
        for month in {month_of(entry.log.call_time) for entry in batch if entry.log} - self._months:
            await make_partition(connection, month)
            self._months.add(month)
        await self._copy(connection, batch)

    async def _copy(self, connection: asyncpg.Connection, batch: list[Entry]) -> None:
        """Write `batch`; where PostgreSQL refuses it, its halves; and the single row at fault by itself."""
        if len(batch) == 1:
            await self._insert(connection, batch[0])
            return
        lines = [line_values(entry.line) for entry in batch if entry.line]
        logs = [log_values(entry.log) for entry in batch if entry.log]
        try:
            async with connection.transaction():
                if lines:
                    await connection.copy_records_to_table(
                        "llm_tracker_usage", records=lines, columns=LINE_COLUMNS
                    )
                if logs:
                    await connection.copy_records_to_table("llm_call_logs", records=logs, columns=LOG_COLUMNS)
        except Exception as problem:
            if _is_away(problem):
                raise
            log.info(
                "A batch of %d calls was refused (%s); writing it in parts.",
                len(batch),
                type(problem).__name__,
            )
            middle = len(batch) // 2
            await self._copy(connection, batch[:middle])
            await self._copy(connection, batch[middle:])

    async def _insert(self, connection: asyncpg.Connection, entry: Entry) -> None:
        """Write one call. One that is there (a commit whose answer was lost) is not written again."""
        for attempt in (entry, _without_payload(entry)):
            try:
                await self._insert_rows(connection, attempt)
            except Exception as problem:
                if _is_away(problem):
                    raise
                log.exception(
                    "PostgreSQL refuses a call (%s).", "what it said" if attempt is entry else "all of it"
                )
            else:
                return
        log.critical("A call was lost: not even its line could be stored: %s", entry.line)

    async def _insert_rows(self, connection: asyncpg.Connection, entry: Entry) -> None:
        async with connection.transaction():
            if entry.line is not None:
                added = await connection.fetchval(_INSERT_LINE, *line_values(entry.line))
                if added is None:
                    return
            if entry.log is not None:
                await connection.execute(_INSERT_LOG, *log_values(entry.log))

    async def _connect(self) -> asyncpg.Connection:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await asyncpg.connect(self._dsn, timeout=10, command_timeout=60)
            self._connection = connection
        return connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.terminate()


def _without_payload(entry: Entry) -> Entry:
    """The same call, with a note in place of what was said: the line is kept whatever happens to the rest."""
    note = '{"daybook": "what was said could not be stored"}'
    line, said = entry.line, entry.log
    return Entry(
        entry.id,
        None if line is None else replace(line, metadata=note),
        None
        if said is None
        else replace(
            said, request_messages=note, request_params=None, response_content=None, response_data=None
        ),
    )


_AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,  # disk full, too many connections, out of memory
    asyncpg.OperatorInterventionError,  # it is stopping or starting
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,  # a deadlock, say
    asyncpg.SyntaxOrAccessError,  # a table or a right that is not there yet
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is about to be promoted
)


def _is_away(problem: Exception) -> bool:
    """Whether it is the server's state that keeps it from writing, not what it was given to write.

    asyncpg calls what it cannot encode an `InterfaceError` too; that one is a `ValueError` as well.
    """
    return isinstance(problem, _AWAY) and not isinstance(problem, ValueError)


def _insert(table: str, columns: tuple[str, ...], ending: str = "") -> str:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) {ending}"  # noqa: S608  (our own names)


_INSERT_LINE = _insert("llm_tracker_usage", LINE_COLUMNS, "ON CONFLICT (id) DO NOTHING RETURNING id")
_INSERT_LOG = _insert("llm_call_logs", LOG_COLUMNS)
