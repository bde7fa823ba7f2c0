"""Films: what they are, pictures of them, and ffmpeg, which does the work.

Files come from strangers. Whatever reads one is a child process with limits of memory, time and output, which opens no
network and no other file, and ends with us.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from daybook.lifelog.media.errors import FfmpegFailed, NotAFilm
from daybook.lifelog.media.schemas import Audio, Film

__all__ = [
    "Audio",
    "FfmpegFailed",
    "Film",
    "NotAFilm",
    "ffmpeg",
    "film_input",
    "frames",
    "probe",
    "run_ffmpeg",
    "started_ffmpeg",
]


def ffmpeg() -> str:
    """The path of the ffmpeg program: DAYBOOK_FFMPEG, else the system's, else the one of `imageio-ffmpeg`."""
    raise NotImplementedError


def film_input(path: Path) -> list[str]:
    """The options that make `path` an input of ffmpeg: real containers only, no playlist, no network, no other file.

    Put options such as `-ss` ahead of it.
    """
    raise NotImplementedError


async def probe(path: Path) -> Film:
    """What the film at `path` is. Raises `NotAFilm` with a code and words for anything else."""
    raise NotImplementedError


async def run_ffmpeg(
    args: Sequence[str], *, time_limit: float, on_progress: Callable[[float], Awaitable[None]] | None = None
) -> bytes:
    """Run ffmpeg with `args` to its end; what it wrote to `pipe:1`.

    `on_progress` is told how many seconds of output are done. Ended with its whole group when cancelled or after
    `time_limit` seconds. Raises `FfmpegFailed`.
    """
    raise NotImplementedError


@asynccontextmanager
async def started_ffmpeg(
    args: Sequence[str], *, time_limit: float
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Ffmpeg running with `args`, for whoever reads its `stdout` as it comes; its stderr is kept by us.

    Leaving the block ends it, whole group included. A run that ends badly while the block reads to the end raises
    `FfmpegFailed` on leaving.
    """
    raise NotImplementedError
    yield


async def frames(path: Path, at: Sequence[float], *, longest: int = 512) -> list[bytes]:
    """JPEGs of the film at `path`, upright, at most `longest` pixels a side: one for each of the seconds `at`.

    Where there is no picture at a time, the nearest one before it is given. Raises `FfmpegFailed`.
    """
    raise NotImplementedError
