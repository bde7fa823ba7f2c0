"""Writes of an attempt to its job's record, from begin to end.

Every write is fenced: it names the attempt's fencing token. If another worker has begun the job since, the token is
outdated and nothing is written.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from daybook.db.engine import Database, WriteSession
from daybook.db.errors import is_unavailable
from daybook.jobs import locks, queue, service
from daybook.jobs.errors import JobLost
from daybook.jobs.models import Job, JobStatus, JobStep
from daybook.jobs.queue import Entry
from daybook.kit.text import storable

LOST_CODE = "worker_lost"
_LOST = (
    "The worker of this job died {attempts} times, perhaps because the job needs more memory than there is."
    " It is not retried automatically: check the worker's log, then retry it."
)
_LONGEST_MESSAGE = 2000
_RETRY_EVERY = 0.5  # seconds between attempts to write to an unavailable database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt's right to write to its job."""

    job_id: UUID
    entry_id: int
    worker: UUID
    token: int

    def holds(self) -> tuple[ColumnElement[bool], ...]:
        """The condition under which the job still belongs to this attempt."""
        return (Job.id == self.job_id, Job.fencing_token == self.token, Job.status == JobStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class Begun:
    """A job whose attempt has begun. `is_taken_over`: the attempt before it ended without a result."""

    claim: Claim
    job: Job
    is_taken_over: bool


async def begin(database: Database, entry: Entry, worker: UUID, most_attempts: int) -> Begun | None:
    """Begin the next attempt at the entry's job; None if there is nothing to begin."""
    async with database.write() as session:
        await locks.limit_idle(session)
        job = await session.scalar(select(Job).where(Job.id == entry.job_id).with_for_update())
        if not await queue.is_picked_by(session, entry.id, worker):
            return None  # another worker has taken it over
        if job is None or job.queue_id != entry.id:
            await queue.remove(session, entry.id)
            return None
        if job.cancel_requested_at is not None:
            await service.end_cancelled(session, job)
            return None
        if job.attempts >= most_attempts:
            await _end_lost(session, job)
            return None
        is_taken_over = job.status == JobStatus.PROCESSING
        job.status = JobStatus.PROCESSING
        job.attempts += 1
        job.fencing_token += 1
        job.next_attempt_at = job.error_code = job.error_message = None
        if job.started_at is None:
            job.started_at = await session.scalar(func.clock_timestamp())
        await session.flush()
        return Begun(Claim(job.id, entry.id, worker, job.fencing_token), job, is_taken_over)


async def note(
    database: Database, claim: Claim, progress: float, phase: str | None, metrics: dict[str, Any]
) -> None:
    """Write the progress. Raises `JobLost`."""
    async with database.write() as session:
        await _update(session, claim, _done_so_far(progress, phase, metrics))


async def hold(session: WriteSession, claim: Claim) -> None:
    """Keep the claim until the transaction ends. Raises `JobLost`."""
    await locks.limit_idle(session)
    if await session.scalar(select(1).where(*claim.holds()).with_for_update(read=True)) is None:
        raise JobLost


async def finished_step(session: WriteSession, claim: Claim, name: str) -> JobStep | None:
    """The step, if it is finished."""
    return await session.scalar(
        select(JobStep).where(
            JobStep.job_id == claim.job_id, JobStep.name == name, JobStep.finished_at.is_not(None)
        )
    )


async def finish_step(session: WriteSession, claim: Claim, name: str, attempt: int, result: Any) -> None:
    """Store a step's result. The caller holds the claim."""
    values = {"attempt": attempt, "result": result, "finished_at": func.clock_timestamp()}
    await session.execute(
        insert(JobStep)
        .values(job_id=claim.job_id, name=name, **values)
        .on_conflict_do_update(index_elements=["job_id", "name"], set_=values)
    )


async def succeed(database: Database, claim: Claim, metrics: dict[str, Any]) -> None:
    """End the job as succeeded. Raises `JobLost`."""
    changes = {"status": JobStatus.SUCCESS, **_done_so_far(1.0, None, metrics)}
    await _end(database, claim, changes)


async def fail(database: Database, claim: Claim, metrics: dict[str, Any], code: str, message: str) -> None:
    """End the job as failed. Raises `JobLost`."""
    await _end(
        database,
        claim,
        {
            "status": JobStatus.FAILED,
            "metrics": metrics,
            "error_code": code[:64],
            "error_message": storable(message, _LONGEST_MESSAGE),
        },
    )


async def end_cancelled(database: Database, claim: Claim, metrics: dict[str, Any]) -> None:
    """End the job as cancelled. Raises `JobLost`."""
    await _end(database, claim, {"status": JobStatus.CANCELLED, "metrics": metrics})


async def retry(
    database: Database, claim: Claim, metrics: dict[str, Any], code: str, message: str, pause: timedelta
) -> None:
    """End a failed attempt; the next one follows after `pause`. Raises `JobLost`."""
    changes = {
        "metrics": metrics,
        "error_code": code[:64],
        "error_message": storable(message, _LONGEST_MESSAGE),
        "next_attempt_at": func.clock_timestamp() + pause,
    }
    await _put_back(database, claim, changes, pause)


async def give_back(database: Database, claim: Claim, metrics: dict[str, Any]) -> None:
    """Return the job to the queue because the worker stops. The attempt does not count. Raises `JobLost`."""
    await _put_back(database, claim, {"metrics": metrics, "attempts": Job.attempts - 1}, timedelta(0))


def _done_so_far(progress: float, phase: str | None, metrics: dict[str, Any]) -> dict[str, Any]:
    params = func.coalesce(Job.params, text("'{}'::jsonb")).op("||")(
        func.jsonb_build_object("progress", progress)
    )
    return {"phase": phase, "metrics": metrics, "params": params}


async def _put_back(database: Database, claim: Claim, changes: dict[str, Any], pause: timedelta) -> None:
    """Requeue the job for its next attempt, or end it if it was cancelled meanwhile."""
    async with database.write() as session:
        await _update(session, claim, {**changes, "status": JobStatus.PENDING})
        job = await session.get_one(Job, claim.job_id)
        if job.cancel_requested_at is None:
            await queue.requeue(session, claim.entry_id, claim.worker, pause)
        else:
            await service.end_cancelled(session, job)


async def _end(database: Database, claim: Claim, changes: dict[str, Any]) -> None:
    async with database.write() as session:
        await _update(session, claim, {**changes, "finished_at": func.clock_timestamp(), "queue_id": None})
        await queue.remove(session, claim.entry_id)


async def _end_lost(session: WriteSession, job: Job) -> None:
    await queue.remove(session, job.queue_id)
    job.status = JobStatus.FAILED
    job.error_code, job.error_message = LOST_CODE, _LOST.format(attempts=job.attempts)
    job.queue_id = None
    job.finished_at = await session.scalar(func.clock_timestamp())
    await session.flush()


async def _update(session: WriteSession, claim: Claim, changes: dict[str, Any]) -> None:
    await locks.limit_idle(session)
    written = await session.scalar(
        update(Job)
        .where(*claim.holds())
        .values(**changes)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        raise JobLost


async def while_unavailable(do: Callable[[], Awaitable[T]]) -> T:
    """Retry `do` as long as the database is unavailable."""
    while True:
        try:
            return await do()
        except (SQLAlchemyError, OSError) as problem:
            if not is_unavailable(problem):
                raise
        await asyncio.sleep(_RETRY_EVERY)
