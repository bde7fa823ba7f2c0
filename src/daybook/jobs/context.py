"""What a job's work is given: its record, and the only ways to write on it.

Every write is fenced: it counts only as long as this attempt is the job's. A worker that was slow, and whose job
another has taken over, cannot spoil what the other does.
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
from daybook.jobs import records
from daybook.jobs.errors import JobLost
from daybook.jobs.metrics import Metrics, plain
from daybook.jobs.models import JobStep
from daybook.jobs.records import Begun
from daybook.kit import failpoints

Json: TypeAlias = Any
"""What JSON can say: None, bool, int, float, str, and lists and dictionaries of these."""

T = TypeVar("T")

_WRITE_EVERY = 0.3  # seconds between two writes of the progress
_TRY_EVERY = 0.5  # seconds between two tries to write on a database that is away
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
        """As they were enqueued, without `progress`."""
        self.trace_id: str = job.trace_id or job.id.hex
        self.attempt: int = job.attempts
        """1 for the first."""
        self.database: Database = database
        self.claim = begun.claim
        self.metrics = Metrics(job.metrics or {})
        self._progress = job.progress
        self._changed = asyncio.Event()

    async def progress(self, fraction: float, phase: str | None = None) -> None:
        """Say how far the work is, from 0 to 1, and what it is at. Cheap: written at most a few times a second.

        The seconds of each phase are added up in the job's metrics.
        """
        if math.isfinite(fraction):
            self._progress = min(max(float(fraction), 0.0), 1.0)
        if phase is not None:
            self.metrics.enter(phase[:64], time.monotonic())
        self._changed.set()
        await asyncio.sleep(0)  # work that never waits would not let its worker say that it lives

    def metric(self, name: str, value: Json) -> None:
        """Add a figure to the job's metrics; the last value of a name stands. Decimals are kept as text."""
        self.metrics.set(name, value)
        self._changed.set()

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """The result of `work`, which is not done again once it is there, whoever goes on with the job.

        A worker killed between the end of `work` and the note of it does it again: where that would write twice, use
        `write_step`. Names are unique within the job, at most 128 characters. Raises `JobLost`.
        """
        self._check_name(name)
        if (done := await self._patiently(lambda: self._finished(name))) is not None:
            return done.result
        result = plain(await work())
        failpoints.point("jobs.step.work.after")
        await self._patiently(lambda: self._keep(name, result))
        failpoints.point("jobs.step.kept.after")
        return orjson.loads(orjson.dumps(result))  # as a later attempt would get it

    async def write_step(self, name: str, work: Callable[[WriteSession], Awaitable[Json]]) -> Json:
        """As `step`, for work on the database: what it writes and the note of it are one transaction."""
        self._check_name(name)
        async with self.write() as session:
            if (done := await records.finished_step(session, self.claim, name)) is not None:
                return done.result
            result = plain(await work(session))
            await records.finish_step(session, self.claim, name, self.attempt, result)
            failpoints.point("jobs.write_step.commit.before")
        failpoints.point("jobs.step.kept.after")
        return orjson.loads(orjson.dumps(result))

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[WriteSession]:
        """A transaction that is committed only if this attempt is still the job's. Raises `JobLost`.

        Keep it short: a cancellation waits for it, and after six seconds without a statement it is undone.
        """
        async with self.database.write() as session:
            await records.hold(session, self.claim)
            yield session

    async def keep_written(self) -> None:
        """Write the progress as it changes, until cancelled or no longer the job's attempt. The worker runs it."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await records.note(
                    self.database, self.claim, self._progress, self.metrics.phase, self.figures()
                )
            except JobLost:
                return
            except (SQLAlchemyError, OSError, TimeoutError):
                self._changed.set()  # the database is away: again in a moment
            await asyncio.sleep(_WRITE_EVERY)

    def figures(self) -> dict[str, Any]:
        """The metrics as they stand now."""
        return self.metrics.now(time.monotonic())

    async def _finished(self, name: str) -> JobStep | None:
        async with self.write() as session:
            return await records.finished_step(session, self.claim, name)

    async def _keep(self, name: str, result: Json) -> None:
        async with self.write() as session:
            await records.finish_step(session, self.claim, name, self.attempt, result)

    async def _patiently(self, do: Callable[[], Awaitable[T]]) -> T:
        """Work may have cost an hour: a database that is away for a moment is not its end. One that is away for longer
        is: the worker can no longer say that it lives, and stops the work.
        """
        while True:
            try:
                return await do()
            except (SQLAlchemyError, OSError, TimeoutError) as problem:
                if not records.is_away(problem):
                    raise
            await asyncio.sleep(_TRY_EVERY)

    @staticmethod
    def _check_name(name: str) -> None:
        if not 0 < len(name) <= _LONGEST_NAME:
            raise ValueError(f"A step's name has 1 to {_LONGEST_NAME} characters.")
