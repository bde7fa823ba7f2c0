"""One attempt at a job in a worker. Its work is a task, which can be stopped for four reasons."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from enum import Enum
from uuid import UUID

from daybook.db.engine import Database
from daybook.jobs import claims
from daybook.jobs.context import JobContext
from daybook.jobs.errors import JobFailed, JobLost
from daybook.jobs.failures import IsLasting, failure
from daybook.jobs.job_type import JobType
from daybook.jobs.metrics import plain
from daybook.jobs.models import ERROR_DETAILS
from daybook.jobs.queue import Entry
from daybook.kit import failpoints

log = logging.getLogger(__name__)

TRACE: ContextVar[str | None] = ContextVar("job_trace", default=None)
"""The trace id of the current task's job, for log lines."""

_PATIENCE = 5.0  # seconds for cancelled work to end, before it is cancelled again


class Reason(Enum):
    """The reason for stopping work. A later reason replaces it only if it is LOST."""

    CANCELLED = "cancelled"
    STOPPING = "the worker stops"
    TOO_LONG = "time limit"
    LOST = "the heartbeat failed"


class Attempt:
    """An entry that this worker has picked, until it is removed or requeued."""

    def __init__(
        self, database: Database, job_type: JobType, entry: Entry, worker: UUID, is_lasting: IsLasting
    ) -> None:
        self.entry = entry
        self.reason: Reason | None = None
        self.again_in: float | None = None
        """Seconds until the next attempt, once this one has failed."""
        self._database = database
        self._job_type = job_type
        self._worker = worker
        self._is_lasting = is_lasting
        self._work: asyncio.Task[None] | None = None
        self._stopped_at = 0.0

    def stop(self, reason: Reason) -> None:
        """Stop the work, or prevent its start."""
        if self.reason is None or (reason is Reason.LOST and self.reason is not Reason.LOST):
            self.reason = reason
            self._stopped_at = time.monotonic()
        if self._work is not None and not self._work.cancelling():
            self._work.cancel()

    async def run(self) -> None:
        """Begin the job, do its work, write its end."""
        begun = await claims.begin(self._database, self.entry, self._worker, self._job_type.attempts)
        if begun is None:
            return
        context = JobContext(self._database, begun)
        TRACE.set(context.trace_id)
        log.info(
            "Job %s (%s) %s: attempt %d.",
            context.job_id,
            context.type,
            "is taken over" if begun.is_taken_over else "begins",
            context.attempt,
        )
        failpoints.point("jobs.begin.after")
        context.metrics.begin(time.monotonic())
        writing = asyncio.create_task(context.keep_written())
        try:
            problem = await self._do(context)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        failpoints.point("jobs.end.before")
        await self._end(context, problem)
        failpoints.point("jobs.end.after")

    async def _do(self, context: JobContext) -> BaseException | None:
        """Do the work. Return what it raised."""
        if self.reason is not None:
            return asyncio.CancelledError()
        self._work = work = asyncio.create_task(_run(self._job_type, context), name=f"job {context.job_id}")
        too_long_at = time.monotonic() + self._job_type.time_limit
        try:
            while not work.done():
                left = max(too_long_at - time.monotonic(), 0.0) if self.reason is None else _PATIENCE
                await asyncio.wait({work}, timeout=min(left, _PATIENCE))
                if not work.done():
                    self._insist(context, time.monotonic() >= too_long_at)
        finally:
            work.cancel()  # if this task itself is cancelled
        return asyncio.CancelledError() if work.cancelled() else work.exception()

    def _insist(self, context: JobContext, is_too_long: bool) -> None:
        """Stop work that exceeds its time limit, and cancel again work that has not stopped."""
        if self.reason is None:
            if is_too_long:
                self.stop(Reason.TOO_LONG)
        elif time.monotonic() >= self._stopped_at + _PATIENCE and self._work is not None:
            log.warning("Job %s (%s) does not stop; cancelling it again.", context.job_id, context.type)
            self._stopped_at = time.monotonic()
            self._work.cancel()

    async def _end(self, context: JobContext, problem: BaseException | None) -> None:
        if self.reason is Reason.LOST or isinstance(problem, JobLost):
            log.warning("Job %s (%s) is left to the worker that has it now.", context.job_id, context.type)
            return
        if problem is None:
            await self._write(lambda: claims.succeed(self._database, context.claim, context.figures()))
        elif self.reason is Reason.CANCELLED:
            await self._write(lambda: claims.end_cancelled(self._database, context.claim, context.figures()))
        elif self.reason is Reason.STOPPING:
            await self._write(lambda: claims.give_back(self._database, context.claim, context.figures()))
        else:
            await self._fail(context, problem)
            return
        log.info(
            "Job %s (%s): %s.",
            context.job_id,
            context.type,
            "success" if problem is None else f"stopped, {(self.reason or Reason.LOST).value}",
        )

    async def _fail(self, context: JobContext, problem: BaseException) -> None:
        if self.reason is Reason.TOO_LONG:
            hours = self._job_type.time_limit / 3600
            problem = JobFailed(
                "time_limit", f"The job took longer than {hours:g} hours and was stopped.", {"hours": hours}
            )
        said = failure(problem, self._job_type, context, self._is_lasting)
        log.log(
            logging.WARNING if said.is_expected else logging.ERROR,
            "Job %s (%s), attempt %d failed (%s): %s %s",
            context.job_id,
            context.type,
            context.attempt,
            said.code,
            said.message,
            "No retry." if said.pause is None else f"Retry in {said.pause.total_seconds():.0f} s.",
            exc_info=None if said.is_expected else problem,
        )
        database, claim, pause = self._database, context.claim, said.pause
        figures = {**context.figures(), ERROR_DETAILS: plain({**said.details})}
        if pause is None:
            await self._write(lambda: claims.fail(database, claim, figures, said.code, said.message))
        else:
            self.again_in = pause.total_seconds()
            await self._write(lambda: claims.retry(database, claim, figures, said.code, said.message, pause))

    async def _write(self, end: Callable[[], Awaitable[None]]) -> None:
        """Write the end. While the database is unavailable, retry as long as the job is this attempt's."""

        async def unless_lost() -> None:
            if self.reason is Reason.LOST:
                raise JobLost
            await end()

        try:
            await claims.while_unavailable(unless_lost)
        except JobLost:
            log.warning("A job ended here that another worker has taken over.")


async def _run(job_type: JobType, context: JobContext) -> None:
    await job_type.run(context)
