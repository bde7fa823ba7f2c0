"""Steps of jobs that call a model. The call's id is stored before the call, so that another attempt at the job can look
its result up in the ledger.

Invariant: one process only begins an attempt at a step, even if several workers believe that the job is theirs.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs.models import JobStep
from daybook.kit.errors import NotFound

LONGEST_NAME = 120
_PREFIX = "call:"  # a job's other steps may have the same names


@dataclass(frozen=True, slots=True)
class CallStep:
    """A step that was begun. `note` is what its first process stored; `result` is valid once it is `finished`."""

    name: str
    attempt: int
    call_id: UUID | None
    note: dict[str, Any]
    result: Any
    finished: bool


async def find(session: ReadSession | WriteSession, job_id: UUID, name: str) -> CallStep | None:
    """The step, if it was begun."""
    row = await session.get(JobStep, (job_id, _PREFIX + name))
    return None if row is None else _step(row)


async def of_job(session: ReadSession | WriteSession, job_id: UUID) -> list[CallStep]:
    """All steps of a job that call a model."""
    query = select(JobStep).where(JobStep.job_id == job_id, JobStep.name.startswith(_PREFIX))
    return [_step(row) for row in await session.scalars(query)]


async def begin(
    session: WriteSession,
    job_id: UUID,
    name: str,
    *,
    after: int,
    attempt: int,
    call_id: UUID,
    note: dict[str, Any],
) -> bool:
    """Begin `attempt`, if `after` (0: none) is still the last one. False if another process has begun or finished one.

    Raises `NotFound` if there is no such job.
    """
    values = {"attempt": attempt, "call_id": call_id, "result": note}
    if after:
        changed = await session.execute(
            update(JobStep)
            .where(
                JobStep.job_id == job_id,
                JobStep.name == _PREFIX + name,
                JobStep.attempt == after,
                JobStep.finished_at.is_(None),
            )
            .values(**values)
            .returning(JobStep.attempt)
        )
    else:
        added = insert(JobStep).values(job_id=job_id, name=_PREFIX + name, **values)
        try:
            changed = await session.execute(added.on_conflict_do_nothing().returning(JobStep.attempt))
        except IntegrityError:
            raise NotFound(f"There is no job {job_id}.") from None
    return changed.first() is not None


async def finish(session: WriteSession, job_id: UUID, name: str, call_id: UUID, result: Any) -> None:
    """Store the call's result, unless the step has begun another call."""
    await session.execute(
        update(JobStep)
        .where(
            JobStep.job_id == job_id,
            JobStep.name == _PREFIX + name,
            JobStep.call_id == call_id,
            JobStep.finished_at.is_(None),
        )
        .values(result=result, finished_at=func.now())
    )


def _step(row: JobStep) -> CallStep:
    finished = row.finished_at is not None
    return CallStep(
        name=row.name.removeprefix(_PREFIX),
        attempt=row.attempt,
        call_id=row.call_id,
        note={} if finished or not isinstance(row.result, dict) else row.result,
        result=row.result if finished else None,
        finished=finished,
    )
