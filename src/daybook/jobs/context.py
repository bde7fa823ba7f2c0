"""The context of a job's work: its record, and the only ways to write to it.

Every write is fenced: it succeeds only while this attempt has the job. A slow worker whose job was taken over cannot
damage the other's work.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import orjson
from sqlalchemy.exc import SQLAlchemyError

from daybook.db.engine import Database, WriteSession
from daybook.jobs import claims
from daybook.jobs.claims import Begun
from daybook.jobs.errors import JobLost
from daybook.jobs.metrics import Metrics, plain
from daybook.jobs.models import JobStep
from daybook.kit import failpoints

Json: TypeAlias = Any
"""None, bool, int, float, str, and lists and dictionaries of these."""

T = TypeVar("T")

_WRITE_EVERY = 0.3  # seconds between two writes of the progress
_LONGEST_NAME = 128


class JobContext:
    """One attempt at a job."""

    def __init__(self, database: Database, begun: Begun) -> None:
        job = begun.job
        self.job_id: UUID = job.id
        self.type: str = job.type
        self.user_id: int | None = job.user_id
        self.input_url: str | None = job.input_url
        self.params: dict[str, Any] = {
            name: value for name, value in (job.params or {}).items() if name != "progress"
        }
        """The params as enqueued, without `progress`."""
        self.trace_id: str = job.trace_id or job.id.hex
        self.attempt: int = job.attempts
        """1 for the first."""
        self.database: Database = database
        self.claim = begun.claim
        self.metrics = Metrics(job.metrics or {})
        self._progress = job.progress
        self._changed = asyncio.Event()

    async def progress(self, fraction: float, phase: str | None = None) -> None:
        """Report the progress, from 0 to 1, and the phase. Cheap: it is written a few times a second at most.

        The job's metrics have the seconds of each phase.
        """
        if math.isfinite(fraction):
            self._progress = min(max(float(fraction), 0.0), 1.0)
        if phase is not None:
            self.metrics.enter(phase[:64], time.monotonic())
        self._changed.set()
        await asyncio.sleep(0)  # let the worker send its heartbeat

    def metric(self, name: str, value: Json) -> None:
        """Set a value in the job's metrics. Decimals are stored as text."""
        self.metrics.set(name, value)
        self._changed.set()

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """Return the result of `work`. Once it is stored, no attempt repeats the work.

        A worker killed between the end of `work` and its storing repeats it; if that would write twice, use
        `write_step`. Names are unique within the job, at most 128 characters. Raises `JobLost`.
        """
        self._check_name(name)
        # Work may take an hour. If the database stays unavailable, the heartbeat fails and the worker stops the work.
        if (done := await claims.while_unavailable(lambda: self._finished(name))) is not None:
            return done.result
        result = plain(await work())
        failpoints.point("jobs.step.work.after")
        await claims.while_unavailable(lambda: self._keep(name, result))
        failpoints.point("jobs.step.kept.after")
        return orjson.loads(orjson.dumps(result))  # as a later attempt would get it

    async def write_step(self, name: str, work: Callable[[WriteSession], Awaitable[Json]]) -> Json:
        """Like `step`, for work on the database: its writes and its result are stored in one transaction."""
        self._check_name(name)
        async with self.write() as session:
            if (done := await claims.finished_step(session, self.claim, name)) is not None:
                return done.result
            result = plain(await work(session))
            await claims.finish_step(session, self.claim, name, self.attempt, result)
            failpoints.point("jobs.write_step.commit.before")
        failpoints.point("jobs.step.kept.after")
        return orjson.loads(orjson.dumps(result))

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[WriteSession]:
        """Open a transaction that is committed only while this attempt has the job. Raises `JobLost`.

        Keep it short: a cancellation waits for it, and after six idle seconds it is aborted.
        """
        async with self.database.write() as session:
            await claims.hold(session, self.claim)
            yield session

    async def keep_written(self) -> None:
        """Write the progress as it changes, until cancelled or lost. The worker runs this."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await claims.note(
                    self.database, self.claim, self._progress, self.metrics.phase, self.figures()
                )
            except JobLost:
                return
            except (SQLAlchemyError, OSError, TimeoutError):
                self._changed.set()  # retry
            await asyncio.sleep(_WRITE_EVERY)

    def figures(self) -> dict[str, Any]:
        """The current metrics."""
        return self.metrics.now(time.monotonic())

    async def _finished(self, name: str) -> JobStep | None:
        async with self.write() as session:
            return await claims.finished_step(session, self.claim, name)

    async def _keep(self, name: str, result: Json) -> None:
        async with self.write() as session:
            await claims.finish_step(session, self.claim, name, self.attempt, result)

    @staticmethod
    def _check_name(name: str) -> None:
        if not 0 < len(name) <= _LONGEST_NAME:
            raise ValueError(f"A step's name has 1 to {_LONGEST_NAME} characters.")
