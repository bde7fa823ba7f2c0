"""Overview of a video: its keyframes and the size of each packet, which cost little to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daybook.lifelog.activity.cells import Floats, Frames, Sound
from daybook.lifelog.activity.decoding import (
    OnProgress,
    decode,
    gray_frames,
    pixels_of,
    raw_frames,
    raw_sound,
    slice_threads,
)
from daybook.lifelog.activity.meters import FrameMeter, MetadataMeter, PacketMeter, SoundMeter
from daybook.lifelog.media.service import FfmpegFailed, video_input

ONLY_KEYS = ["-bsf:v", "noise=drop='not(key)'", "-skip_frame", "nokey", "-skip_loop_filter", "all"]
"""Options of an input. A decoder that got the other packets too would wait for one thread after the other to skip them:
keyframes would be decoded one at a time.
"""

_PIXELS_PER_BYTE = 23.0
"""Estimate for H.264 of 720 and 1080 lines: pixels decoded in the time of one byte."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Packets are in the order in which they are decoded."""

    keys: Frames
    sound: Sound | None
    shown: Floats
    """Seconds at which each packet's frame is shown."""
    decoded: Floats
    """Seconds of its decoding time stamp."""
    size: NDArray[np.int64]
    """Bytes."""
    is_key: NDArray[np.bool_]
    work: Floats
    """Work of decoding it, as a share of decoding all."""
    pixels: int
    """Pixels of a frame."""


async def overview_of(path: Path, duration: float | None, tell: OnProgress | None) -> Overview:
    """List all packets, and decode nothing but keyframes and sound. Raises `FfmpegFailed`."""
    try:
        return await _read(path, duration, tell, with_sound=True)
    except FfmpegFailed as failure:
        if failure.code != FfmpegFailed.code:  # it took too long, and would again
            raise
        return await _read(path, duration, tell, with_sound=False)


async def _read(path: Path, duration: float | None, tell: OnProgress | None, *, with_sound: bool) -> Overview:
    shown, frames, packets, sound = MetadataMeter(), FrameMeter(), PacketMeter(), SoundMeter()

    def outputs(pipes: Sequence[str]) -> list[str]:
        whole = video_input(path)  # once more, for all that is not decoded
        listed = ["-map", "1:V:0", "-c", "copy", "-copyinkf", "-f", "framecrc", "-y", pipes[2]]
        wanted = [*whole, *raw_frames(gray_frames(looks="scdet,", notes=pipes[0]), pipes[1]), *listed]
        return wanted + (raw_sound(pipes[3], source=1) if with_sound else [])

    feeds = [shown.feed, frames.feed, packets.feed] + ([sound.feed] if with_sound else [])

    async def on_data() -> None:
        if tell is not None and duration and packets.shown:
            await tell(packets.shown[-1] / duration)

    pixels = await pixels_of(path)
    reading = [*slice_threads(pixels=pixels), *ONLY_KEYS]
    await decode(path, reading, outputs, feeds, seconds=duration, pixels=pixels, on_data=on_data)
    size = np.array(packets.size, np.int64)
    work = packets.pixels + _PIXELS_PER_BYTE * size.astype(np.float64)
    return Overview(
        keys=frames.frames(shown),
        sound=sound.sound(),
        shown=np.array(packets.shown),
        decoded=np.array(packets.decoded),
        size=size,
        is_key=np.array(packets.is_key, np.bool_),
        work=work / max(float(work.sum()), 1.0),
        pixels=packets.pixels,
    )
