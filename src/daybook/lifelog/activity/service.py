"""Where something changes in a film: the stretches that become events."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from daybook.lifelog.activity.schemas import Activity, Mode

Progress = Callable[[float], Awaitable[None]]
"""Called with the share that is done, 0 to 1, at most about twice a second."""


async def analyse(
    path: Path, *, duration: float | None, mode: Mode = "auto", on_progress: Progress | None = None
) -> Activity:
    """Segments of the film at `path`, a local file; `duration` in seconds where it is known.

    ffmpeg does the decoding in a child process, which ends when this is cancelled. Memory does not grow with the film's
    length, but for some hundred bytes per second of film.

    Raises Undecodable: no picture of it could be decoded.
    """
    raise NotImplementedError
