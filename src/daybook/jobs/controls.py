"""Types of jobs: what workers know, and what administrators set for them."""

from collections.abc import Iterable

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import queue, repository
from daybook.jobs.models import JobStatus, JobTypeControl
from daybook.jobs.schemas import JobTypeResponse, JobTypeUpdate
from daybook.kit.errors import NotFound


async def introduce(session: WriteSession, types: Iterable[tuple[str, int]]) -> None:
    """Note the types that a worker knows, with how many of each may run at a time by default."""
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


async def types(session: ReadSession | WriteSession) -> list[JobTypeResponse]:
    """Every type that some worker has known, with how its jobs do."""
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


async def change(session: WriteSession, job_type: str, change: JobTypeUpdate) -> JobTypeResponse:
    """Pause a type, let it go on, or set how many may run at a time: for all workers, at once. Raises `NotFound`."""
    control = await session.scalar(
        select(JobTypeControl).where(JobTypeControl.type == job_type).with_for_update()
    )
    if control is None:
        known = ", ".join(row.type for row in await repository.controls(session)) or "none"
        raise NotFound(f"No worker has known a type of jobs of this name. Known: {known}.")
    if "paused" in change.model_fields_set and change.paused is not None:
        control.paused = change.paused
    if "concurrency" in change.model_fields_set:
        control.concurrency = change.concurrency
    await session.flush()
    await queue.tell(session, "look")
    (answer,) = [answer for answer in await types(session) if answer.type == job_type]
    return answer


async def limits(connection: "asyncpg.Connection") -> dict[str, int]:
    """How many of each type may run at a time; those that are paused are absent."""
    rows = await connection.fetch(
        "SELECT type, coalesce(concurrency, default_concurrency) AS most FROM job_type_controls WHERE NOT paused"
    )
    return {row["type"]: row["most"] for row in rows}
