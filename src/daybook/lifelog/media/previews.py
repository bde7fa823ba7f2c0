"""Previews: copies that every browser plays, MP4 with H.264 and AAC, index first, at most 720p."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from daybook.lifelog.media.errors import FfmpegFailed
from daybook.lifelog.media.ffmpeg import run_ffmpeg, video_input
from daybook.lifelog.media.playable import has_playable_streams
from daybook.lifelog.media.program import can_map_hdr
from daybook.lifelog.media.schemas import Video

SHORT_SIDE = 720
MOST_FPS = 30

_SLOWEST = 20
"""Seconds of work for a second of video: 8K on a small machine."""

_AT_LEAST = 600.0
_MP4 = ["-map_metadata", "-1", "-movflags", "+faststart", "-f", "mp4", "-y"]

_TO_STANDARD_RANGE = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
    "zscale=t=bt709:m=bt709:r=tv,"
)
"""Without it high dynamic range looks gray."""


async def make_preview(
    path: Path, video: Video, target: Path, *, on_progress: Callable[[float], Awaitable[None]] | None = None
) -> None:
    """Write the preview of the video at `path` to `target`; memory does not grow with its length.

    Playable streams are only remuxed. `on_progress` gets the share that is done. Raises `FfmpegFailed`.
    """
    if has_playable_streams(video):
        try:
            await _run(path, video, [*_streams(video), "-c", "copy"], target, on_progress)
        except FfmpegFailed as problem:
            if problem.code == "ffmpeg_too_slow":
                raise  # the rest would take longer still
        else:
            return
    await _run(path, video, _encoded(video), target, on_progress)


def _streams(video: Video) -> list[str]:
    sound = [] if video.audio is None else ["-map", f"0:{video.audio.index}"]
    return ["-map", f"0:{video.video_index}", *sound]


def _encoded(video: Video) -> list[str]:
    mapped = _TO_STANDARD_RANGE if video.transfer and can_map_hdr() else ""
    scaled = (
        f"scale=w='max(2,trunc(iw*sar*min(1,{SHORT_SIDE}/min(iw*sar,ih))/2)*2)'"
        f":h='max(2,trunc(ih*min(1,{SHORT_SIDE}/min(iw*sar,ih))/2)*2)':out_range=tv,setsar=1,format=yuv420p"
    )
    pace = ["-r", str(MOST_FPS)] if video.fps > MOST_FPS + 1 else []
    if video.is_vfr and not pace:
        # Pictures that come unevenly keep their times. In another order than they are shown in, the last would be lost:
        # MP4 would say that the video ends where the one that was written last does.
        pace = ["-fps_mode", "vfr", "-bf", "0"]
    picture = ["-vf", mapped + scaled, *pace, "-c:v", "libx264", "-preset", "veryfast", "-crf", "25"]
    sound = [] if video.audio is None else ["-c:a", "aac", "-b:a", "128k", "-ac", "2"]
    # A picture to begin from every two seconds, for whoever jumps about.
    return [*_streams(video), *picture, "-force_key_frames", "expr:gte(t,n_forced*2)", *sound]


async def _run(
    path: Path,
    video: Video,
    coding: list[str],
    target: Path,
    on_progress: Callable[[float], Awaitable[None]] | None,
) -> None:
    async def tell(seconds: float) -> None:
        if on_progress is not None:
            await on_progress(min(1.0, seconds / video.duration))

    await run_ffmpeg(
        [*video_input(path), *coding, *_MP4, f"file:{target}"],
        time_limit=max(_AT_LEAST, video.duration * _SLOWEST),
        on_progress=tell,
    )
