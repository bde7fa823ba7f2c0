"""Settings of job types: registered by workers, paused and limited by administrators."""

from collections.abc import Iterable

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import queue, repository
from daybook.jobs.models import JobStatus, JobTypeControl
from daybook.jobs.schemas import JobTypeResponse, JobTypeUpdate
from daybook.kit.errors import NotFound


async def register(session: WriteSession, types: Iterable[tuple[str, int]]) -> None:
    """Store the types of a worker with their default concurrency."""
    for name, concurrency in sorted(types):
        await session.execute(
            insert(JobTypeControl)
            .values(type=name, default_concurrency=concurrency)
            .on_conflict_do_update(
                index_elements=["type"],
                set_={"default_concurrency": concurrency, "updated_at": func.now()},
                where=JobTypeControl.default_concurrency != concurrency,
            )
        )


async def list_types(session: ReadSession | WriteSession) -> list[JobTypeResponse]:
    """Every registered type with the state of its jobs."""
    found = await repository.counts(session)
    answers: list[JobTypeResponse] = []
    for control in await repository.controls(session):
        by_status = found.get(control.type, {})
        pending, oldest = by_status.get(JobStatus.PENDING, (0, None))
        answers.append(
            JobTypeResponse(
                type=control.type,
                paused=control.paused,
                concurrency=control.concurrency or control.default_concurrency,
                default_concurrency=control.default_concurrency,
                pending=pending,
                processing=by_status.get(JobStatus.PROCESSING, (0, None))[0],
                failed=by_status.get(JobStatus.FAILED, (0, None))[0],
                oldest_pending_at=oldest,
            )
        )
    return answers


async def update(session: WriteSession, job_type: str, changes: JobTypeUpdate) -> JobTypeResponse:
    """Pause or resume a type, or set its concurrency, for all workers at once. Raises `NotFound`."""
    control = await session.scalar(
        select(JobTypeControl).where(JobTypeControl.type == job_type).with_for_update()
    )
    if control is None:
        known = ", ".join(row.type for row in await repository.controls(session)) or "none"
        raise NotFound(f"Unknown job type. Known types: {known}.")
    if "paused" in changes.model_fields_set and changes.paused is not None:
        control.paused = changes.paused
    if "concurrency" in changes.model_fields_set:
        control.concurrency = changes.concurrency
    await session.flush()
    await queue.notify(session, "look")
    [response] = [one for one in await list_types(session) if one.type == job_type]
    return response


async def limits(connection: "asyncpg.Connection") -> dict[str, int]:
    """The concurrency of each type that is not paused."""
    rows = await connection.fetch(
        "SELECT type, coalesce(concurrency, default_concurrency) AS most FROM job_type_controls WHERE NOT paused"
    )
    return {row["type"]: row["most"] for row in rows}
