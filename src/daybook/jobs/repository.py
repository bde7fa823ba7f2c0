"""Jobs as they are looked for. Ownership is here: with `user_id`, other people's jobs are not there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs.models import ACTIVE, Job, JobStatus, JobTypeControl
from daybook.jobs.schemas import JobFilter


def visible(job_id: UUID, user_id: int | None) -> Select[Job]:
    """The job, if it is `user_id`'s; None sees everybody's."""
    query = select(Job).where(Job.id == job_id)
    return query if user_id is None else query.where(Job.user_id == user_id)


async def insert_unless_active(session: WriteSession, values: dict[str, Any]) -> Job | None:
    """The new job; None where one of its type and subject is active. Waits for others that insert the same."""
    return await session.scalar(
        insert(Job)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["type", "subject"], index_where=ACTIVE)
        .returning(Job)
    )


async def note_entry(session: WriteSession, job_id: UUID, entry_id: int) -> Job:
    """Note the queue's entry of a job that is new: nobody has changed that job."""
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


async def page(
    session: ReadSession, wanted: JobFilter, *, page: int, page_size: int
) -> tuple[Sequence[Job], int]:
    """Jobs, newest first, and how many there are in all."""
    where: list[ColumnElement[bool]] = [
        getattr(Job, name) == value for name, value in wanted.model_dump(exclude_none=True).items()
    ]
    total = await session.scalar(select(func.count()).select_from(Job).where(*where))
    rows = await session.scalars(
        select(Job)
        .where(*where)
        # Ids grow with time. A person's jobs have an index of their own, everybody's have the key's.
        .order_by(*([] if wanted.user_id is None else [Job.created_at.desc()]), Job.id.desc())
        .limit(page_size)
        .offset((page - 1) * page_size)
    )
    return rows.all(), total or 0


async def counts(session: ReadSession | WriteSession) -> dict[str, dict[JobStatus, tuple[int, Any]]]:
    """By type and status: how many jobs wait, run or failed, and when the oldest of them was enqueued."""
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
    """Every type that some worker knows."""
    return (await session.scalars(select(JobTypeControl).order_by(JobTypeControl.type))).all()
