"""Jobs: enqueued in the transaction of whoever wants them, looked at, cancelled, tried again."""

from typing import Any
from uuid import UUID

from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs.models import Job
from daybook.jobs.schemas import Enqueued


async def enqueue(
    session: WriteSession,
    *,
    type: str,
    input_type: str,
    input_url: str | None = None,
    user_id: int | None = None,
    params: dict[str, Any] | None = None,
    subject: str | None = None,
    trace_id: str | None = None,
) -> Enqueued:
    """Make a job in the caller's transaction: it is there, and starts, if and only if that is committed.

    Where a job of the same type and subject is active, that one is returned. Without `trace_id` it gets a new one.
    """
    raise NotImplementedError


async def get(session: ReadSession | WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """A job, of `user_id` if given. Raises `NotFound`."""
    raise NotImplementedError


async def cancel(session: WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """End a job that waits at once, and one that runs within two seconds. Raises `NotFound`, and `Conflict` for one
    that has ended.
    """
    raise NotImplementedError


async def retry(session: WriteSession, job_id: UUID, user_id: int | None = None) -> Job:
    """Run a failed or cancelled job again, with all its attempts; finished steps are kept.

    Raises `NotFound`, and `Conflict` for one that succeeded, is active, or whose subject has another active job.
    """
    raise NotImplementedError
