"""The consequence of an error in a job's work: final failure or retry, with a message."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from daybook.db.errors import DatabaseUnavailable, is_unavailable
from daybook.jobs.context import JobContext
from daybook.jobs.job_type import JobType
from daybook.kit.errors import DaybookError, Limited, Specifics, Unavailable, Upstream

IsLasting: TypeAlias = Callable[[DaybookError], bool]

LONGEST_PAUSE = 600.0
FAR_AWAY = 900.0
"""Seconds. A limit that resets later fails the job at once."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of a failed attempt. `pause` is None if no attempt follows."""

    code: str
    message: str
    details: Specifics
    pause: timedelta | None
    is_expected: bool
    """False if the log needs the traceback."""


def failure(problem: BaseException, job_type: JobType, context: JobContext, is_lasting: IsLasting) -> Failure:
    """Return what `problem` means for a job at its current attempt."""
    pause = _pause(problem, job_type, context.attempt, is_lasting)
    if isinstance(problem, DaybookError):
        return Failure(problem.code, problem.message, problem.details, pause, is_expected=True)
    if isinstance(problem, SQLAlchemyError) and is_unavailable(problem):
        unavailable = DatabaseUnavailable()
        return Failure(unavailable.code, unavailable.message, {}, pause, is_expected=True)
    # Its message is left out: it may hold a secret.
    words = (
        f"Something went wrong inside Daybook ({type(problem).__name__}). The worker's log has the details under the"
        f" trace {context.trace_id}."
    )
    return Failure(
        "unexpected",
        words,
        {"kind": type(problem).__name__, "trace": context.trace_id},
        pause,
        is_expected=False,
    )


def _pause(
    problem: BaseException, job_type: JobType, attempt: int, is_lasting: IsLasting
) -> timedelta | None:
    if attempt >= job_type.attempts:
        return None
    if isinstance(problem, DaybookError) and (
        not isinstance(problem, (Limited, Unavailable, Upstream)) or is_lasting(problem)
    ):
        return None
    pause = min(job_type.first_pause * 4 ** (attempt - 1), LONGEST_PAUSE)
    pause *= random.uniform(0.75, 1.0)  # noqa: S311  (spreads attempts; no secret)
    if isinstance(problem, Limited) and problem.retry_after is not None:
        if problem.retry_after > FAR_AWAY:
            return None
        pause = max(pause, problem.retry_after)
    return timedelta(seconds=pause)
