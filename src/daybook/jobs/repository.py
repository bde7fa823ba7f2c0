"""Queries over jobs. Ownership is here: with a `user_id`, other users' jobs do not exist."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs.models import ACTIVE, Job, JobStatus, JobTypeControl
from daybook.jobs.schemas import JobFilter


async def find(
    session: ReadSession | WriteSession, job_id: UUID, user_id: int | None, *, lock: bool = False
) -> Job | None:
    """The job; with a `user_id` only if it is that user's. `lock` reads the row again and locks it."""
    query = select(Job).where(Job.id == job_id)
    if user_id is not None:
        query = query.where(Job.user_id == user_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(query)


async def insert_unless_active(session: WriteSession, values: dict[str, Any]) -> Job | None:
    """The new job; None if one of its type and subject is active. Waits for concurrent inserts of the same."""
    return await session.scalar(
        insert(Job)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["type", "subject"], index_where=ACTIVE)
        .returning(Job)
    )


async def note_entry(session: WriteSession, job_id: UUID, entry_id: int) -> Job:
    """Store the queue's entry of a new job."""
    return (
        await session.scalars(
            update(Job)
            .where(Job.id == job_id)
            .values(queue_id=entry_id, updated_at=None)
            .returning(Job)
            .execution_options(populate_existing=True)
        )
    ).one()


async def active(session: ReadSession | WriteSession, job_type: str, subject: str) -> Job | None:
    """The active job of a type and subject."""
    return await session.scalar(select(Job).where(Job.type == job_type, Job.subject == subject, ACTIVE))


async def active_of(session: ReadSession | WriteSession, job_ids: Collection[UUID]) -> set[UUID]:
    """The ids of the active jobs among `job_ids`."""
    return set(await session.scalars(select(Job.id).where(Job.id.in_(job_ids), ACTIVE)))


async def latest(
    session: ReadSession | WriteSession, job_type: str, input_url: str, user_id: int
) -> Job | None:
    """The active job of a user about `input_url`, else the one that ended last."""
    return await session.scalar(
        select(Job)
        .where(Job.user_id == user_id, Job.type == job_type, Job.input_url == input_url)
        .order_by(Job.finished_at.desc().nulls_first(), Job.created_at.desc())
        .limit(1)
    )


async def merge_params(session: WriteSession, job_id: UUID, params: dict[str, Any]) -> bool:
    """Add `params` to an active job that still has its subject. False if there is none."""
    merged = func.coalesce(Job.params, literal({}, JSONB)).op("||")(literal(params, JSONB))
    changed = await session.scalar(
        update(Job)
        .where(Job.id == job_id, Job.subject.is_not(None), ACTIVE)
        .values(params=merged)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return changed is not None


async def clear_subject(session: WriteSession, job_id: UUID) -> dict[str, Any]:
    """Remove a job's subject and return its params."""
    params = await session.scalar(
        update(Job)
        .where(Job.id == job_id)
        .values(subject=None)
        .returning(Job.params)
        .execution_options(synchronize_session=False)
    )
    return params or {}


async def page(
    session: ReadSession, wanted: JobFilter, *, page: int, page_size: int
) -> tuple[Sequence[Job], int]:
    """A page of jobs, newest first, and their total number."""
    where: list[ColumnElement[bool]] = [
        getattr(Job, name) == value for name, value in wanted.model_dump(exclude_none=True).items()
    ]
    total = await session.scalar(select(func.count()).select_from(Job).where(*where))
    rows = await session.scalars(
        select(Job)
        .where(*where)
        # Ids grow with time. One user's jobs have their own index, all jobs the primary key's.
        .order_by(*([] if wanted.user_id is None else [Job.created_at.desc()]), Job.id.desc())
        .limit(page_size)
        .offset((page - 1) * page_size)
    )
    return rows.all(), total or 0


async def counts(session: ReadSession | WriteSession) -> dict[str, dict[JobStatus, tuple[int, Any]]]:
    """The number of pending, running and failed jobs by type and status, and when the oldest was enqueued."""
    rows = await session.execute(
        select(Job.type, Job.status, func.count(), func.min(Job.created_at))
        .where(Job.status.in_([JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.FAILED]))
        .group_by(Job.type, Job.status)
    )
    found: dict[str, dict[JobStatus, tuple[int, Any]]] = {}
    for job_type, status, count, oldest in rows:
        found.setdefault(job_type, {})[status] = (count, oldest)
    return found


async def controls(session: ReadSession | WriteSession) -> Sequence[JobTypeControl]:
    """Every type that a worker has registered."""
    return (await session.scalars(select(JobTypeControl).order_by(JobTypeControl.type))).all()
