"""Jobs: enqueued in the caller's transaction, read, cancelled, retried.

The record (`inference_jobs`) is the truth. The queue's entry only brings it to a worker: a job has one while it is
active, and both change in the same transaction (lock order: `locks`).
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError

from daybook.accounts import service as accounts
from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import locks, queue, repository
from daybook.jobs.metrics import plain
from daybook.jobs.models import Job, JobStatus
from daybook.jobs.schemas import AdminJobResponse, Enqueued, JobFilter, JobsState
from daybook.kit.errors import Conflict, NotFound
from daybook.kit.pagination import Page
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
    """Create a job in the caller's transaction. It starts if and only if that is committed.

    If a job of the same type and subject is active, it is returned instead. It may have begun without the caller's
    changes. Without `trace_id` the job gets a new one.
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
    raise Conflict("Jobs about the same start and end too quickly; try again.", code="busy")


async def get(session: ReadSession | WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """A job, of `user_id` if given. Raises `NotFound`."""
    job = await repository.find(session, job_id, user_id)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job


async def active_of(session: ReadSession | WriteSession, job_ids: Collection[UUID]) -> set[UUID]:
    """The ids of the active jobs among `job_ids`."""
    return await repository.active_of(session, job_ids)


async def latest(
    session: ReadSession | WriteSession,
    *,
    type: str,  # noqa: A002  (the column's name)
    input_url: str,
    user_id: int,
) -> Job | None:
    """The active job of a user about `input_url`, else the one that ended last."""
    return await repository.latest(session, type, input_url, user_id)


async def amend(session: WriteSession, job_id: UUID, params: dict[str, Any]) -> bool:
    """Add `params` to an active job. False if it has ended or released its subject: enqueue another one then."""
    await locks.limit_idle(session)
    return await repository.merge_params(session, job_id, params)


async def release_subject(session: WriteSession, job_id: UUID) -> dict[str, Any]:
    """Let the next request about the subject enqueue another job. Returns the params, with all that `amend` added."""
    return await repository.clear_subject(session, job_id)


async def page(session: ReadSession, wanted: JobFilter, *, page: int = 1, page_size: int = 20) -> Page[Job]:
    """A page of jobs, newest first."""
    rows, total = await repository.page(session, wanted, page=page, page_size=page_size)
    return Page[Job].of(rows, page=page, page_size=page_size, total=total)


async def cancel(session: WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """Cancel a job: a pending one at once, a running one through its worker within two seconds.

    Cancelling again changes nothing. Raises `NotFound`, or `Conflict` if the job has ended.
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
        await queue.notify(session, "beat")
    else:
        await end_cancelled(session, job)
    await session.flush()
    return job


async def retry(session: WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """Run a failed or cancelled job again, with all its attempts. Finished steps are kept.

    Raises `NotFound`, or `Conflict` if the job succeeded or is active, or another job of its subject is active.
    """
    job = await _locked(session, job_id, user_id)
    if job.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
        state = "succeeded" if job.status == JobStatus.SUCCESS else f"is {job.status}"
        raise Conflict(
            f"This job {state}; there is nothing to retry.",
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
        raise Conflict(
            "Another job about the same subject is active; wait for it.", code="job_active"
        ) from problem
    job.queue_id = await queue.put(session, job.type, job.id)
    await session.flush()
    return job


async def end_cancelled(session: WriteSession, job: Job) -> None:
    """Mark a locked job as cancelled. An attempt that still runs is fenced off."""
    await queue.remove(session, job.queue_id)
    job.status = JobStatus.CANCELLED
    job.queue_id = job.next_attempt_at = None
    job.finished_at = await session.scalar(func.clock_timestamp())
    await session.flush()


async def state(session: ReadSession | WriteSession) -> JobsState:
    """The number of pending and running jobs."""
    found = (await repository.counts(session)).values()
    waiting = [by_status[JobStatus.PENDING] for by_status in found if JobStatus.PENDING in by_status]
    running = [by_status[JobStatus.PROCESSING] for by_status in found if JobStatus.PROCESSING in by_status]
    return JobsState(
        pending=sum(count for count, _ in waiting),
        processing=sum(count for count, _ in running),
        oldest_pending_at=min((oldest for _, oldest in waiting), default=None),
    )


async def with_account(session: ReadSession | WriteSession, job: Job) -> AdminJobResponse:
    """`job` with its owner's account."""
    [response] = await with_accounts(session, [job])
    return response


async def with_accounts(session: ReadSession | WriteSession, jobs: Sequence[Job]) -> list[AdminJobResponse]:
    """`jobs` with their owners' accounts, in one query."""
    names = await accounts.account_names(session, {job.user_id for job in jobs if job.user_id is not None})
    return [AdminJobResponse.of(job, account=names.get(job.user_id or 0)) for job in jobs]


async def _locked(session: WriteSession, job_id: UUID, user_id: int | None) -> Job:
    await locks.limit_idle(session)
    job = await repository.find(session, job_id, user_id, lock=True)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job
