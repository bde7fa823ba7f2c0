"""Jobs: enqueued in the transaction of whoever wants them, looked at, cancelled, tried again.

The record (`inference_jobs`) is the truth. The queue's entry only brings it to a worker: a job has one while it is
active, and both change in the same transaction (`locks` says in which order).
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import locks, queue, repository
from daybook.jobs.metrics import plain
from daybook.jobs.models import ACTIVE, Job, JobStatus
from daybook.jobs.schemas import Enqueued, JobFilter, JobsState
from daybook.kit.errors import Conflict, NotFound
from daybook.kit.pages import Page
from daybook.kit.text import storable
from llm_tracker.ids import uuid7

_TRIES = 5


async def enqueue(
    session: WriteSession,
    *,
    type: str,  # noqa: A002  (the column's name)
    input_type: str,
    input_url: str | None = None,
    user_id: int | None = None,
    params: dict[str, Any] | None = None,
    subject: str | None = None,
    trace_id: str | None = None,
) -> Enqueued:
    """Make a job in the caller's transaction: it is there, and starts, if and only if that is committed.

    Where a job of the same type and subject is active, that one is returned; it may have begun, and then it does not
    know what the caller has changed. Without `trace_id` the job gets a new one.
    """
    job_id = uuid7()
    values = {
        "id": job_id,
        "type": type,
        "input_type": input_type,
        "input_url": None if input_url is None else storable(input_url),
        "user_id": user_id,
        "params": plain(params or {}),
        "subject": subject,
        "trace_id": trace_id or uuid7().hex,
    }
    for _ in range(_TRIES):
        if await repository.insert_unless_active(session, values) is not None:
            job = await repository.note_entry(session, job_id, await queue.put(session, type, job_id))
            return Enqueued(job, is_new=True)
        if subject is not None and (found := await repository.active(session, type, subject)) is not None:
            return Enqueued(found, is_new=False)
        # It ended between the two statements.
    raise Conflict("Jobs of this kind come and go too quickly; try again.", code="busy")


async def get(session: ReadSession | WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """A job, of `user_id` if given. Raises `NotFound`."""
    job = await session.scalar(repository.visible(job_id, user_id))
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job


async def active_of(session: ReadSession | WriteSession, job_ids: Collection[UUID]) -> set[UUID]:
    """Those of the jobs that wait or run; the others have ended or are not there."""
    found = await session.scalars(select(Job.id).where(Job.id.in_(job_ids), ACTIVE))
    return set(found)


async def latest(
    session: ReadSession | WriteSession,
    *,
    type: str,  # noqa: A002  (the column's name)
    input_url: str,
    user_id: int,
) -> Job | None:
    """The job of a person's about `input_url` that is active, else the one that ended last."""
    return await session.scalar(
        select(Job)
        .where(Job.user_id == user_id, Job.type == type, Job.input_url == input_url)
        .order_by(Job.finished_at.desc().nulls_first(), Job.created_at.desc())
        .limit(1)
    )


async def amend(session: WriteSession, job_id: UUID, params: dict[str, Any]) -> bool:
    """Add `params` to those of an active job that somebody else enqueued.

    False where it has ended or let go of its subject meanwhile: then another one can be enqueued.
    """
    await locks.briefly(session)
    amended = await session.scalar(
        update(Job)
        .where(Job.id == job_id, Job.subject.is_not(None), ACTIVE)
        .values(params=func.coalesce(Job.params, literal({}, JSONB)).op("||")(literal(params, JSONB)))
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return amended is not None


async def let_go(session: WriteSession, job_id: UUID) -> dict[str, Any]:
    """What is left of the job changes nothing more about its subject: whoever asks from now on is given another job.

    Its params as they are at that moment. Nothing that `amend` adds comes too late for who reads them here and raises.
    """
    params = await session.scalar(
        update(Job)
        .where(Job.id == job_id)
        .values(subject=None)
        .returning(Job.params)
        .execution_options(synchronize_session=False)
    )
    return params or {}


async def page(session: ReadSession, wanted: JobFilter, *, page: int = 1, page_size: int = 20) -> Page[Job]:
    """Jobs, newest first."""
    rows, total = await repository.page(session, wanted, page=page, page_size=page_size)
    return Page[Job].of(rows, page=page, page_size=page_size, total=total)


async def cancel(session: WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """End a job that waits at once, and one that runs within two seconds: its worker is told.

    Asking again changes nothing. Raises `NotFound`, and `Conflict` for one that has ended.
    """
    job = await _locked(session, job_id, user_id)
    if job.status == JobStatus.CANCELLED:
        return job
    if job.status in {JobStatus.SUCCESS, JobStatus.FAILED}:
        raise Conflict(
            f"This job has ended ({job.status}); there is nothing to cancel.",
            code="job_ended",
            details={"status": job.status.value},
        )
    if job.status == JobStatus.PROCESSING and await queue.is_alive(session, job.queue_id):
        if job.cancel_requested_at is None:
            job.cancel_requested_at = await session.scalar(func.clock_timestamp())
        await queue.tell(session, "beat")
    else:
        await end_cancelled(session, job)
    await session.flush()
    return job


async def retry(session: WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """Run a failed or cancelled job again, with all its attempts; finished steps are kept.

    Raises `NotFound`, and `Conflict` for one that succeeded, is active, or whose subject has another active job.
    """
    job = await _locked(session, job_id, user_id)
    if job.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
        state = "succeeded" if job.status == JobStatus.SUCCESS else f"is {job.status}"
        raise Conflict(
            f"This job {state}; there is nothing to try again.",
            code="job_not_failed",
            details={"status": job.status.value},
        )
    job.status = JobStatus.PENDING
    job.attempts = 0
    job.error_code = job.error_message = job.phase = None
    job.cancel_requested_at = job.started_at = job.finished_at = job.next_attempt_at = None
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as problem:
        raise Conflict("Another job about the same is active; wait for it.", code="job_active") from problem
    job.queue_id = await queue.put(session, job.type, job.id)
    await session.flush()
    return job


async def end_cancelled(session: WriteSession, job: Job) -> None:
    """Write that `job`, whose record is locked, is cancelled. Whoever is still at it is fenced off."""
    await queue.remove(session, job.queue_id)
    job.status = JobStatus.CANCELLED
    job.queue_id = job.next_attempt_at = None
    job.finished_at = await session.scalar(func.clock_timestamp())
    await session.flush()


async def state(session: ReadSession | WriteSession) -> JobsState:
    """How much waits and runs."""
    found = (await repository.counts(session)).values()
    waiting = [by_status[JobStatus.PENDING] for by_status in found if JobStatus.PENDING in by_status]
    running = [by_status[JobStatus.PROCESSING] for by_status in found if JobStatus.PROCESSING in by_status]
    return JobsState(
        pending=sum(count for count, _ in waiting),
        processing=sum(count for count, _ in running),
        oldest_pending_at=min((oldest for _, oldest in waiting), default=None),
    )


async def _locked(session: WriteSession, job_id: UUID, user_id: int | None) -> Job:
    await locks.briefly(session)
    job = await session.scalar(
        repository.visible(job_id, user_id).with_for_update().execution_options(populate_existing=True)
    )
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job
