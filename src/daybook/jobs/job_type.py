"""What a worker knows of a type of jobs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from daybook.jobs.context import JobContext


@dataclass(frozen=True, slots=True)
class JobType:
    """A type of jobs and the work that it means.

    `run` ends well or raises: `JobFailed` for what another try cannot mend, anything else to be tried again.
    """

    name: str
    run: Callable[[JobContext], Awaitable[None]]
    concurrency: int = 1
    """How many run at a time over all workers, unless an administrator says otherwise."""
    attempts: int = 5
    """How often it is begun before it fails for good; being given back by a worker that stops does not count."""
    first_pause: float = 4.0
    """Seconds before the second attempt, at most; each further pause is four times as long, up to ten minutes."""
    time_limit: float = 6 * 3600.0
    """Seconds that one attempt may take."""
