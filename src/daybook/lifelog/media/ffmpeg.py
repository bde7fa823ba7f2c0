"""Ffmpeg, run as a child with limits."""

import asyncio
import errno
import os
import re
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from daybook.lifelog.media import child_process
from daybook.lifelog.media.child_process import LARGEST_FILE, NOT_STARTED, Child, Limits
from daybook.lifelog.media.containers import CONTAINERS
from daybook.lifelog.media.errors import FfmpegFailed, FfmpegStopped
from daybook.lifelog.media.program import ffmpeg

MOST_OUTPUT = 256 * 2**20
"""Maximum bytes of output on `pipe:1`."""

_CHUNK = 2**16


def video_input(path: Path) -> list[str]:
    """Return the options that make `path` an input of ffmpeg: real containers only, no playlist, network or other file.

    Put options such as `-ss` before it.
    """
    return ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS, "-i", f"file:{path.absolute()}"]


async def run_ffmpeg(
    args: Sequence[str],
    *,
    time_limit: float,
    on_progress: Callable[[float], Awaitable[None]] | None = None,
    file_size: int = LARGEST_FILE,
) -> bytes:
    """Run ffmpeg with `args`. Returns its output on `pipe:1`.

    `on_progress` gets the seconds of output done. Ends with its process group when cancelled or after `time_limit`
    seconds; files it writes are limited to `file_size` bytes. Raises `FfmpegFailed`, and `FfmpegStopped` if the video
    is not the reason.
    """
    output = bytearray()
    async with started_ffmpeg(
        args, time_limit=time_limit, on_progress=on_progress, file_size=file_size
    ) as process:
        while process.stdout is not None and (chunk := await process.stdout.read(_CHUNK)):
            output += chunk
            if len(output) > MOST_OUTPUT:
                raise FfmpegFailed(f"ffmpeg returned more than {MOST_OUTPUT} bytes.")
    return bytes(output)


@asynccontextmanager
async def started_ffmpeg(
    args: Sequence[str],
    *,
    time_limit: float,
    on_progress: Callable[[float], Awaitable[None]] | None = None,
    on_line: Callable[[str], Awaitable[bool]] | None = None,
    file_size: int = LARGEST_FILE,
    pass_fds: Sequence[int] = (),
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run ffmpeg with `args` for the block, which reads its `stdout`; stderr is read here.

    `on_line` gets each line of stderr and returns True for those it consumes; `pass_fds` are open files for `pipe:N`.
    Leaving the block waits for the end; leaving it by an error ends ffmpeg with its process group. Raises
    `FfmpegFailed` if it fails or takes too long, and `FfmpegStopped` if the video is not the reason.
    """
    listener = on_line
    command = [ffmpeg(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"]
    if on_progress is not None:
        command += ["-progress", "pipe:2"]
        listener = _progress(on_progress, on_line)
    child: Child | None = None
    try:
        async with child_process.run_child(
            [*command, *args], Limits(time_limit, file_size=file_size), listener, pass_fds=pass_fds
        ) as child:
            yield child.process
    except TimeoutError:
        raise FfmpegFailed(
            f"ffmpeg did not finish within {time_limit:.0f} s, far longer than such a video takes: it is damaged, or "
            "this machine is too slow for it.",
            code="ffmpeg_too_slow",
            details={"seconds": round(time_limit)},
        ) from None
    if child.process.returncode != 0:
        raise _error(child.process.returncode or 0, _PATHS.sub("", child.complaint))


def _error(returncode: int, complaint: str) -> FfmpegFailed | FfmpegStopped:
    if -returncode in _ENDINGS:
        name = signal.Signals(-returncode).name
        return FfmpegStopped(
            f"ffmpeg was ended by {name}, perhaps because there was no memory left. {complaint}"
        )
    if returncode == NOT_STARTED or any(words in complaint for words in _NO_FAULT_OF_VIDEOS):
        return FfmpegStopped(f"ffmpeg could not go on ({returncode}). {complaint}")
    return FfmpegFailed(f"ffmpeg gave up ({returncode}). {complaint}")


_ENDINGS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals sent by others; a program's own faults end it by other signals."""

_NO_FAULT_OF_VIDEOS = [
    os.strerror(number)
    for number in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EMFILE,
        errno.ENFILE,
    )
]
"""Errors of ffmpeg that the machine causes."""

_PATHS = re.compile(r"(?:file:)?/[^\s:'\"]*/")  # people who read the complaint need not know our folders

_NOTES = re.compile(
    "(frame|fps|bitrate|total_size|out_time(_us|_ms)?|dup_frames|drop_frames|speed|progress|stream_.*)="
)


def _progress(
    tell: Callable[[float], Awaitable[None]], on_line: Callable[[str], Awaitable[bool]] | None
) -> Callable[[str], Awaitable[bool]]:
    """Parse the output of `-progress`, `name=value` lines twice a second."""

    async def read(line: str) -> bool:
        name, _, value = line.partition("=")
        if _NOTES.match(line):
            if name == "out_time_us" and value.strip().isdigit():
                await tell(int(value) / 1e6)
            return True
        return on_line is not None and await on_line(line)

    return read
