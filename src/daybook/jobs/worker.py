"""A worker: picks jobs that may start, sends a heartbeat every second, stops jobs that are cancelled.

Any number of workers run side by side. Invariants, whatever happens to one of them:

- One worker has a job at a time, named in the queue entry. A worker without a heartbeat for `queue.SILENCE` loses its
  entries to the others.
- A worker whose heartbeat fails stops its work before that. With its outdated token it can write nothing later.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from daybook.db.engine import Database, asyncpg_dsn
from daybook.db.errors import is_unavailable
from daybook.jobs import queue, type_settings
from daybook.jobs.failures import IsLasting
from daybook.jobs.job_attempt import Attempt, Reason
from daybook.jobs.job_type import JobType
from daybook.kit.loops import set_within

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between heartbeats, while jobs run."""

LOOK = 2.0
"""Seconds between searches for entries without a notification: ended pauses, jobs of silent workers."""

HEARTBEAT_TIMEOUT = queue.SILENCE.total_seconds() - 2
"""Seconds without an acknowledged heartbeat after which a worker stops its jobs."""

STOP_TIMEOUT = 8.0
"""Seconds in which jobs must end when the worker stops."""

_FIRST_PAUSE, _LAST_PAUSE = 0.25, 5.0  # seconds between attempts to connect to the database
_LOOK_AGAIN = 0.2  # seconds; concurrent picks may miss an entry
_PROBLEMS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    SQLAlchemyError,
    OSError,
)


class Worker:
    """Works on jobs of `types`, up to `slots` at a time.

    `is_lasting` is True for errors of other domains that a retry cannot fix.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        types: Sequence[JobType],
        slots: int,
        is_lasting: IsLasting = lambda _: False,
    ) -> None:
        self.id: UUID = uuid4()
        self._database = database
        self._dsn = asyncpg_dsn(url)
        self._types = {job_type.name: job_type for job_type in types}
        self._slots = slots
        self._is_lasting = is_lasting
        self._attempts: dict[asyncio.Task[None], Attempt] = {}
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._look_at = self._beat_at = self._must_end_at = 0.0
        self._timeout: asyncio.TimerHandle | None = None

    async def work(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then stop the jobs and requeue them. An unavailable database is retried."""
        stopping = asyncio.create_task(self._stop_at(stop))
        pause = _FIRST_PAUSE
        try:
            while not self._is_done():
                connected_at = time.monotonic()
                try:
                    await self._work_while_connected()
                except _PROBLEMS as problem:
                    log.warning("Jobs: the database is unavailable (%s); retrying.", type(problem).__name__)
                    pause = (
                        _FIRST_PAUSE if time.monotonic() > connected_at + 60 else min(pause * 2, _LAST_PAUSE)
                    )
                    self._news.clear()
                    if not self._is_done():
                        await set_within(self._news, pause)
        finally:
            stopping.cancel()
            for task in list(self._attempts):
                task.cancel()

    async def _work_while_connected(self) -> None:
        connection = await asyncpg.connect(
            self._dsn, timeout=3, command_timeout=3, server_settings={"application_name": "daybook jobs"}
        )
        try:
            await connection.add_listener(str(queue.CHANNEL), self._hear)
            await connection.add_listener(queue.NEWS, self._hear)
            async with self._database.write() as session:
                await type_settings.register(
                    session, [(job_type.name, job_type.concurrency) for job_type in self._types.values()]
                )
            self._look_at = 0.0
            while not self._is_done():
                await self._turn(connection)
                await set_within(self._news, max(self._next_turn() - time.monotonic(), 0.01))
        finally:
            connection.terminate()

    async def _turn(self, connection: "asyncpg.Connection") -> None:
        self._news.clear()
        if self._attempts and time.monotonic() >= self._beat_at:
            await self._beat(connection)
        if time.monotonic() >= self._look_at and self._is_free():
            await self._look(connection)

    async def _beat(self, connection: "asyncpg.Connection") -> None:
        """Send a heartbeat, and stop jobs that are lost or cancelled."""
        asked = list(self._attempts.values())
        said_at = time.monotonic()
        held = {entry.id: entry for entry in await queue.beat(connection, self.id, [a.entry for a in asked])}
        self._beat_at = said_at + BEAT
        self._arm_timeout(said_at)
        for attempt in asked:
            entry = held.get(attempt.entry.id)
            if entry is None:
                if attempt in self._attempts.values():  # or it ended meanwhile
                    attempt.stop(Reason.LOST)
            elif entry.is_to_be_cancelled:
                attempt.stop(Reason.CANCELLED)

    async def _look(self, connection: "asyncpg.Connection") -> None:
        """Pick entries and begin their jobs."""
        self._look_at = time.monotonic() + LOOK
        allowed = await type_settings.limits(connection)
        limits = {name: limit for name, limit in allowed.items() if name in self._types}
        if not limits:
            return
        free = self._slots - len(self._attempts)
        said_at = time.monotonic()
        entries = await queue.pick(queue.queries(connection), self.id, limits, free)
        if entries and not self._attempts:
            self._arm_timeout(said_at)
            self._beat_at = said_at + BEAT
        for entry in entries:
            self._begin(entry)

    def _begin(self, entry: queue.Entry) -> None:
        earlier = [task for task, other in self._attempts.items() if other.entry.id == entry.id]
        attempt = Attempt(self._database, self._types[entry.type], entry, self.id, self._is_lasting)
        task = asyncio.create_task(_run(attempt, earlier), name=f"attempt at {entry.job_id}")
        self._attempts[task] = attempt
        if self._stopping.is_set():  # meanwhile
            attempt.stop(Reason.STOPPING)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        attempt = self._attempts.pop(task)
        if attempt.again_in is not None:
            asyncio.get_running_loop().call_later(attempt.again_in, self._look_again)
        if self._timeout is not None and not self._attempts:
            self._timeout.cancel()
            self._timeout = None
        self._look_at = 0.0
        self._news.set()

    def _arm_timeout(self, said_at: float) -> None:
        """Stop all work unless the next heartbeat is acknowledged in time."""
        if self._timeout is not None:
            self._timeout.cancel()
        loop = asyncio.get_running_loop()
        self._timeout = loop.call_later(
            max(said_at + HEARTBEAT_TIMEOUT - time.monotonic(), 0), self._on_timeout, said_at
        )

    def _on_timeout(self, said_at: float, *, was_late: bool = False) -> None:
        if not was_late and time.monotonic() > said_at + HEARTBEAT_TIMEOUT + 1:
            # This process was frozen, not the database: the next heartbeat, which is due now, reports the lost jobs.
            self._timeout = asyncio.get_running_loop().call_later(
                2, lambda: self._on_timeout(said_at, was_late=True)
            )
            return
        log.warning(
            "Jobs: no heartbeat was acknowledged for %.0f s; stopping all jobs.", time.monotonic() - said_at
        )
        for attempt in self._attempts.values():
            attempt.stop(Reason.LOST)

    def _next_turn(self) -> float:
        turns = [self._beat_at] if self._attempts else []
        if self._is_free():
            turns.append(self._look_at)
        return min(turns, default=time.monotonic() + BEAT)

    def _is_free(self) -> bool:
        return len(self._attempts) < self._slots and not self._stopping.is_set()

    def _is_done(self) -> bool:
        return self._stopping.is_set() and (not self._attempts or time.monotonic() > self._must_end_at)

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        now = time.monotonic()
        if payload == "beat":
            self._beat_at = now
        else:
            self._look_at = now
            asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._look_again)
        self._news.set()

    def _look_again(self) -> None:
        self._look_at = 0.0
        self._news.set()

    async def _stop_at(self, stop: asyncio.Event) -> None:
        """Stop the jobs at `stop`. Heartbeats continue until they have ended."""
        await stop.wait()
        self._must_end_at = time.monotonic() + STOP_TIMEOUT
        self._stopping.set()
        for attempt in self._attempts.values():
            attempt.stop(Reason.STOPPING)
        self._news.set()


async def _run(attempt: Attempt, earlier: "list[asyncio.Task[None]]") -> None:
    """Run an attempt after this worker's earlier ones at the same entry."""
    if earlier:
        await asyncio.wait(earlier)
    try:
        await attempt.run()
    except Exception as problem:
        if is_unavailable(problem):
            log.warning("Job %s is left for later: the database is unavailable.", attempt.entry.job_id)
        else:
            log.exception("Job %s is left for later.", attempt.entry.job_id)
