"""The definition of a job type."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from daybook.jobs.context import JobContext


@dataclass(frozen=True, slots=True)
class JobType:
    """A job type and its work.

    `run` raises `JobFailed` for a failure that a retry cannot fix. Any other error is retried.
    """

    name: str
    run: Callable[[JobContext], Awaitable[None]]
    concurrency: int = 1
    """Jobs that run at the same time over all workers, unless an administrator changes it."""
    attempts: int = 5
    """Attempts before the job fails. An attempt that a stopping worker gives back does not count."""
    first_pause: float = 4.0
    """Longest pause in seconds before the second attempt. Each further one is four times as long, up to 10 minutes."""
    time_limit: float = 6 * 3600.0
    """Time limit of one attempt, in seconds."""
