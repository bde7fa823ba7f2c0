"""One ffmpeg run that sends frames, sound and metadata through several pipes."""

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
"""Pixels of a frame above which the number of threads is limited."""


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
    """Run ffmpeg over `path` and feed the data of each pipe to one of `feeds`.

    `reading` are options before the input; `outputs` makes the options after it from the names of the pipes. The number
    of threads depends on `pixels` per frame, the time limit on the video's `seconds`. Cancelling ends the child. Raises
    `FfmpegFailed`.
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
    """Return the number of decoding threads. Each holds frames, and those of 4K are large."""
    return min(os.cpu_count() or 1, 2 if pixels > _LARGE else 4)


def slice_threads(*, pixels: int) -> list[str]:
    """Return options for decoding that is faster than the analysis, so that frames queue up: threads share each large
    frame (if its encoder cut it into slices) instead of holding one each.
    """
    return ["-thread_type", "slice"] if pixels > _LARGE else []


async def pixels_of(path: Path) -> int:
    """Return the number of pixels of a frame; 0 if ffmpeg does not report it. Raises `FfmpegFailed`."""
    header = ["-map", "0:V:0", "-c", "copy", "-frames:v", "1", "-f", "framecrc", "pipe:1"]
    told = PacketMeter()
    told.feed(await run_ffmpeg([*video_input(path), *header], time_limit=_time_limit(0)) + b"\n")
    return told.pixels


def gray_frames(*, looks: str = "", notes: str) -> str:
    """Return the filters that make small gray frames of the output of `looks` and write their times to `notes`."""
    marks = f"metadata=print:key=lavfi.scd.mafd:direct=1:file={_escaped(notes)}"
    return f"{looks}{marks},scale={WIDTH}:{HEIGHT}:flags=area,format=gray"


def cut_scores(notes: str, *, above: float) -> str:
    """Return the filters that write the frames whose scdet score exceeds `above` to `notes`."""
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
