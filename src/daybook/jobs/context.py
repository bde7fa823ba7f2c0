"""What a job's work is given: its record, and the only ways to write on it.

Every write is fenced: it counts only as long as this attempt is the job's. A worker that was slow, and whose job
another has taken over, cannot spoil what the other does.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

from daybook.db.engine import Database, WriteSession

Json: TypeAlias = Any
"""What JSON can say: None, bool, int, float, str, and lists and dictionaries of these."""


class JobContext:
    """One attempt at a job."""

    job_id: UUID
    type: str
    user_id: int | None
    input_url: str | None
    params: dict[str, Any]
    """As they were enqueued, without `progress`."""
    trace_id: str
    attempt: int
    """1 for the first."""
    database: Database

    async def progress(self, fraction: float, phase: str | None = None) -> None:
        """Say how far the work is, from 0 to 1, and what it is at. Cheap: written at most a few times a second.

        The seconds of each phase are added up in the job's metrics.
        """
        raise NotImplementedError

    def metric(self, name: str, value: Json) -> None:
        """Add a figure to the job's metrics; the last value of a name stands. Decimals are kept as text."""
        raise NotImplementedError

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """The result of `work`, which is not done again once it is there, whoever goes on with the job.

        A worker killed between the end of `work` and the note of it does it again: where that would write twice, use
        `write_step`. Names are unique within the job, at most 128 characters.
        """
        raise NotImplementedError

    async def write_step(self, name: str, work: Callable[[WriteSession], Awaitable[Json]]) -> Json:
        """As `step`, for work on the database: what it writes and the note of it are one transaction."""
        raise NotImplementedError

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[WriteSession]:
        """A transaction that is committed only if this attempt is still the job's. Raises `JobLost`.

        Keep it short: a cancellation waits for it.
        """
        raise NotImplementedError
        yield
