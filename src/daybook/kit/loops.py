"""Work that is repeated until it is stopped."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from daybook.kit.errors import DaybookError

log = logging.getLogger(__name__)

_EXPECTED = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, DaybookError)
"""Failures that need no traceback: a database or a disk that is unavailable."""


async def every(
    seconds: float,
    work: Callable[[], Awaitable[float | None]],
    stop: asyncio.Event,
    name: str,
    *,
    first: float = 0.0,
    after_failure: float | None = None,
) -> None:
    """Repeat `work` until `stop`, with a pause of `seconds` between rounds and of `first` before the first one.

    A round may return another pause. A round that fails is logged under `name` and followed by `after_failure`
    (default: `seconds`).
    """
    pause = first
    while not await set_within(stop, pause):
        try:
            asked = await work()
            pause = seconds if asked is None else asked
        except Exception as problem:
            pause = seconds if after_failure is None else after_failure
            log.warning(
                "%s failed (%s). Next try in %g s.",
                name,
                type(problem).__name__,
                pause,
                exc_info=None if isinstance(problem, _EXPECTED) else problem,
            )


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event` for at most `seconds`. True if it is set."""
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
