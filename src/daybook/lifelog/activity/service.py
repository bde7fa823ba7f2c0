"""Activity analysis: the segments of a video that become events."""

import asyncio
import time
from pathlib import Path

from daybook.lifelog.activity.decoding import OnProgress
from daybook.lifelog.activity.exact import exact_cells
from daybook.lifelog.activity.fast import fast_cells
from daybook.lifelog.activity.schemas import Activity, Mode
from daybook.lifelog.activity.segmentation import segments_of
from daybook.lifelog.media.service import FfmpegFailed, can_drop_packets

LONG = 600.0
"""Seconds from which `auto` means `fast`."""
LARGE = 500 * 2**20
"""Bytes from which it does."""

_PAUSE = 0.5  # seconds between two reports of progress


async def analyse(
    path: Path, *, duration: float | None, mode: Mode = "auto", on_progress: OnProgress | None = None
) -> Activity:
    """Return the segments of the video at `path`, a local file; `duration` in seconds if known.

    ffmpeg decodes in a child process, which ends when this is cancelled. Memory grows by about a kilobyte per second of
    video.

    Raises `Undecodable` if no frame can be decoded, and `FfmpegFailed` if ffmpeg fails or takes too long.
    """
    if duration is not None and duration <= 0:
        duration = None
    tell = None if on_progress is None else _throttled(on_progress)
    found = None
    if await asyncio.to_thread(_is_fast, mode, path, duration):
        try:
            found = await fast_cells(path, duration, tell, must=mode == "fast")
        except FfmpegFailed:
            found = None  # if the video is the reason, the exact way fails too
    done = "exact" if found is None else "fast"
    cells, duration = found or await exact_cells(path, duration, tell)
    segments = await asyncio.to_thread(segments_of, cells)
    return Activity(segments, round(duration, 3), done)


def _is_fast(mode: Mode, path: Path, duration: float | None) -> bool:
    is_wanted = mode == "fast" or (
        mode == "auto" and ((duration or 0.0) >= LONG or path.stat().st_size >= LARGE)
    )
    return is_wanted and can_drop_packets()


def _throttled(on_progress: OnProgress) -> OnProgress:
    told = -_PAUSE

    async def tell(share: float) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _PAUSE:
            told = now
            await on_progress(min(max(share, 0.0), 1.0))

    return tell
