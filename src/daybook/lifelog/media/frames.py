"""Frames of videos as JPEGs."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pstdev

from daybook.lifelog.media.errors import FfmpegFailed
from daybook.lifelog.media.ffmpeg import run_ffmpeg, video_input

_EARLIER = (0.0, 0.5, 2.0, 8.0)
"""Seconds to look back without a frame at a time: after the last one, or in a damaged part."""

_TIME_LIMIT = 60.0
_JPEG = ("-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p", "-f", "image2pipe")

_LOOKED_AT = (0.1, 0.3, 0.5, 0.7, 0.9, 0.0)
"""Positions of thumbnail candidates, as shares of the video."""

_DARK, _BRIGHT, _FLAT = 32, 224, 12
"""Luma out of 255: means beyond which a picture is black or white, and the deviation below which it shows nothing."""


async def frames(path: Path, at: Sequence[float], *, longest: int = 512) -> list[bytes]:
    """Return JPEGs of the video at `path`, upright, at most `longest` pixels a side, one for each second of `at`.

    Without a frame at a time, one shortly before it or the first is returned. Raises `FfmpegFailed` if there is none at
    all.
    """
    return [await frame(path, seconds, longest=longest) for seconds in at]


async def thumbnail(path: Path, duration: float, *, longest: int = 640) -> bytes:
    """Return a JPEG of the video at `path`: the first of a few frames that is neither black nor blank.

    If all are, the one with the most detail. Raises `FfmpegFailed` if no frame can be decoded.
    """
    best, most = 0.0, -1.0
    for part in _LOOKED_AT:
        seconds = part * duration
        luma = await grab(path, seconds, ["-vf", "scale=32:18", "-pix_fmt", "gray", "-f", "rawvideo"])
        if not luma:
            continue
        deviation = pstdev(luma)
        if _DARK <= fmean(luma) <= _BRIGHT and deviation >= _FLAT:
            return await frame(path, seconds, longest=longest)
        if deviation > most:
            best, most = seconds, deviation
    return await frame(path, best, longest=longest)


async def frame(path: Path, seconds: float, *, longest: int = 512) -> bytes:
    """Return one JPEG, as `frames` does."""
    output = ["-vf", fitted(longest), *_JPEG]
    for look_back in _EARLIER:
        start = max(0.0, seconds - look_back)
        picture = await grab(path, start, output)
        if picture:
            return picture
        if start == 0.0:
            break
    if seconds > 0 and (picture := await grab(path, 0.0, output)):
        return picture
    raise FfmpegFailed("No picture of this video can be decoded.", code="undecodable_video")


async def grab(path: Path, seconds: float, output: Sequence[str]) -> bytes:
    """Return one frame at `seconds`, encoded by `output`; empty if there is none."""
    seek = ["-ss", f"{seconds:.3f}"] if seconds > 0 else []
    command = [*seek, *video_input(path), "-map", "0:V:0", "-frames:v", "1", *output, "pipe:1"]
    try:
        return await run_ffmpeg(command, time_limit=_TIME_LIMIT)
    except FfmpegFailed as problem:
        if problem.code == "ffmpeg_too_slow":
            raise
        return b""


def fitted(longest: int) -> str:
    """Return the filter that limits frames to `longest` pixels a side, with square pixels and even sides."""
    return (
        f"scale=w='max(2,trunc(iw*sar*min(1,{longest}/max(iw*sar,ih))/2)*2)'"
        f":h='max(2,trunc(ih*min(1,{longest}/max(iw*sar,ih))/2)*2)',setsar=1"
    )
