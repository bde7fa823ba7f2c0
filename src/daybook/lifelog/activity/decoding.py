"""One ffmpeg that looks at a video and sends what it sees through several pipes at once."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from daybook.lifelog.activity.meters import HEIGHT, SAMPLE_RATE, WIDTH, PacketMeter
from daybook.lifelog.media.service import run_ffmpeg, started_ffmpeg, video_input

Feed = Callable[[bytes], None]
OnProgress = Callable[[float], Awaitable[None]]
"""Called with the share that is done, 0 to 1."""

_CHUNK = 2**18
_LARGE = 2560 * 1600
"""Points of a frame beyond which each thread's frames are counted."""


async def decode(
    path: Path,
    reading: Sequence[str],
    outputs: Callable[[Sequence[str]], list[str]],
    feeds: Sequence[Feed],
    *,
    seconds: float | None,
    pixels: int,
    on_data: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run ffmpeg over `path` and feed what comes through each pipe to its own of `feeds`.

    `reading` are options ahead of the input; `outputs` makes those after it, from the names of the pipes. Decodes with
    as many threads as suit frames of so many `pixels`. Gives up long after a video of `seconds` should be done.
    Ends with its child when cancelled. Raises `FfmpegFailed`.
    """
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        ends: list[int] = []
        readers: list[asyncio.StreamReader] = []
        for _ in feeds:
            read_end, write_end = os.pipe()
            ends.append(write_end)
            stack.callback(_close, ends, write_end)
            reader = asyncio.StreamReader(limit=_CHUNK)
            transport, _protocol = await loop.connect_read_pipe(
                lambda reader=reader: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", 0)
            )
            stack.callback(transport.close)
            readers.append(reader)
        args = ["-threads", str(threads(pixels=pixels)), "-noautorotate", *reading, *video_input(path)]
        args += outputs([f"pipe:{end}" for end in ends])
        async with started_ffmpeg(args, time_limit=_time_limit(seconds), pass_fds=tuple(ends)):
            while ends:  # the child has its own; ours would keep the pipes open
                _close(ends, ends[-1])
            async with asyncio.TaskGroup() as group:
                for reader, feed in zip(readers, feeds, strict=True):
                    group.create_task(_drain(reader, feed, on_data))


def threads(*, pixels: int = 0) -> int:
    """How many threads decode: each holds frames, and those of 4K are large."""
    return min(os.cpu_count() or 1, 2 if pixels > _LARGE else 4)


def slice_threads(*, pixels: int) -> list[str]:
    """Options for decoding that is quicker than looking, so that frames wait in a queue as well: threads share each
    large frame (where its encoder cut it into parts) instead of holding one each.
    """
    return ["-thread_type", "slice"] if pixels > _LARGE else []


async def pixels_of(path: Path) -> int:
    """How many points a frame of the video has; 0 where ffmpeg does not tell. Raises `FfmpegFailed`."""
    header = ["-map", "0:V:0", "-c", "copy", "-frames:v", "1", "-f", "framecrc", "pipe:1"]
    told = PacketMeter()
    told.feed(await run_ffmpeg([*video_input(path), *header], time_limit=_time_limit(0)) + b"\n")
    return told.pixels


def gray_frames(*, looks: str = "", notes: str) -> str:
    """The filters that make small gray frames of what is left after `looks`, and write when each is to `notes`."""
    marks = f"metadata=print:key=lavfi.scd.mafd:direct=1:file={_escaped(notes)}"
    return f"{looks}{marks},scale={WIDTH}:{HEIGHT}:flags=area,format=gray"


def cut_scores(notes: str, *, above: float) -> str:
    """The filters that write to `notes` at what frames the score for a cut (scdet's) is above a value."""
    wanted = f"key=lavfi.scd.score:function=greater:value={above}"
    return f"scdet,metadata=print:{wanted}:file={_escaped(notes)},"


def raw_frames(filters: str, pipe: str) -> list[str]:
    """An output of gray frames, each exactly once."""
    return ["-map", "0:V:0", "-vf", filters, "-fps_mode", "passthrough", "-f", "rawvideo", "-y", pipe]


def raw_sound(pipe: str, *, source: int = 0) -> list[str]:
    """An output of mono samples without gaps from the video's beginning, of the input of that number."""
    filters = f"aresample={SAMPLE_RATE}:async=1:min_hard_comp=0.1:first_pts=0"
    samples = ["-ac", "1", "-c:a", "pcm_s16le", "-f", "s16le"]
    return ["-map", f"{source}:a:0", "-af", filters, *samples, "-y", pipe]


def _escaped(pipe: str) -> str:
    return pipe.replace(":", r"\\:")


def _time_limit(seconds: float | None) -> float:
    """A video that is as slow to decode as 4K on a busy, small machine is done in this time."""
    return 600 + 20 * (seconds or 6 * 3600)


async def _drain(
    reader: asyncio.StreamReader, feed: Feed, on_data: Callable[[], Awaitable[None]] | None
) -> None:
    while data := await reader.read(_CHUNK):
        feed(data)
        if on_data is not None:
            await on_data()


def _close(ends: list[int], end: int) -> None:
    if end in ends:
        ends.remove(end)
        os.close(end)
