"""Exact analysis: every frame is decoded once for cuts; the rest is measured twice a second."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from daybook.lifelog.activity.cells import FRAMES_PER_SECOND, Cells, Floats, Frames, Sound, cells_of
from daybook.lifelog.activity.decoding import (
    OnProgress,
    cut_scores,
    decode,
    gray_frames,
    pixels_of,
    raw_frames,
    raw_sound,
)
from daybook.lifelog.activity.errors import Undecodable
from daybook.lifelog.activity.meters import FrameMeter, MetadataMeter, SoundMeter
from daybook.lifelog.media.service import FfmpegFailed

CUT_SCORE = 10.0
"""Minimum scdet score of a cut, in percent of full brightness: its own default."""

FAINT_SCORE = 5.0
_HARDLY = 0.1  # share of the frame that changes in half a second

_NOT_A_FLASH = 6.0  # steps of 255 by which blocks differ on average after a cut
_ALL_OVER = 0.25  # or the share of the frame that has changed
_LONG_STEP = 1.5  # times the usual distance of frames; motion is not measured over gaps

_ENOUGH = "isnan(prev_selected_t)+gte(t-prev_selected_t,0.475)+lt(t,prev_selected_t)"
TWICE_A_SECOND = f"select='{_ENOUGH}',"
"""A filter. At 25 frames a second it takes each 12th, at 30 each 15th."""
TWICE_A_SECOND_AND_KEYS = f"select='{_ENOUGH}+key',"
"""Includes the keyframe that ends a decoded part."""


async def exact_cells(path: Path, duration: float | None, tell: OnProgress | None) -> tuple[Cells, float]:
    """Return the video's cells and its duration, measured to half a second if not given. Raises `Undecodable`."""
    try:
        pixels = await pixels_of(path)
    except FfmpegFailed as failure:
        raise Undecodable(
            f"This video cannot be decoded: the file is damaged. {failure.message}"
        ) from failure
    try:
        frames, scores, sound = await _decoded(path, duration, tell, pixels, with_sound=True)
    except FfmpegFailed as failure:
        if failure.code != FfmpegFailed.code:  # it took too long, and would again
            raise
        # There is no sound, or none that ffmpeg can decode: the frames may well be all right.
        frames, scores, sound = await _without_sound(path, duration, tell, pixels)
    if frames.at.size == 0:
        raise Undecodable("No frame of this video can be decoded: the file is damaged or of an unknown type.")
    if duration is None:
        heard = 0.0 if sound is None else sound.energy.size * sound.step
        duration = max(float(frames.at[-1]) + 1 / FRAMES_PER_SECOND, heard)
    cells = cells_of(frames, change_to_next(frames), cuts_of(frames, scores), sound, duration)
    return cells, duration


async def _without_sound(
    path: Path, duration: float | None, tell: OnProgress | None, pixels: int
) -> tuple[Frames, MetadataMeter, Sound | None]:
    try:
        return await _decoded(path, duration, tell, pixels, with_sound=False)
    except FfmpegFailed as failure:
        if failure.code != FfmpegFailed.code:
            raise
        raise Undecodable(
            f"This video cannot be decoded: the file is damaged. {failure.message}"
        ) from failure


async def _decoded(
    path: Path, duration: float | None, tell: OnProgress | None, pixels: int, *, with_sound: bool
) -> tuple[Frames, MetadataMeter, Sound | None]:
    scores, shown, frames, sound = MetadataMeter(), MetadataMeter(), FrameMeter(), SoundMeter()

    def outputs(pipes: Sequence[str]) -> list[str]:
        filters = cut_scores(pipes[0], above=FAINT_SCORE) + gray_frames(looks=TWICE_A_SECOND, notes=pipes[1])
        return raw_frames(filters, pipes[2]) + (raw_sound(pipes[3]) if with_sound else [])

    feeds = [scores.feed, shown.feed, frames.feed] + ([sound.feed] if with_sound else [])

    async def on_data() -> None:
        if tell is not None and duration and shown.times:
            await tell(shown.times[-1] / duration)

    await decode(path, [], outputs, feeds, seconds=duration, pixels=pixels, on_data=on_data)
    return frames.frames(shown), scores, sound.sound()


def change_to_next(frames: Frames) -> Floats:
    """For each frame the change until the next one; not a number for the last, and over gaps."""
    change = np.append(frames.change[1:], np.nan)
    step = np.append(np.diff(frames.at), np.inf)
    usual = max(float(np.median(step)), 1 / FRAMES_PER_SECOND)
    change[step > _LONG_STEP * usual] = np.nan
    return change


def cuts_of(frames: Frames, scores: MetadataMeter) -> Floats:
    """Return the times of cuts: high scores after which the frame stays different, unlike after a flash.

    If hardly anything moves before and after, a lower score suffices.
    """
    times, values = np.array(scores.times), np.array(scores.values)
    if times.size == 0 or frames.at.size < 2:  # noqa: PLR2004  (one before, one after)
        return np.array([])
    after = np.clip(np.searchsorted(frames.at, times - 1e-6), 1, frames.at.size - 1)
    blocks = frames.blocks.astype(np.int16)
    differ = np.abs(blocks[after] - blocks[after - 1]).mean(axis=1)
    stays = (differ >= _NOT_A_FLASH) | (frames.change[after] >= _ALL_OVER)
    around = np.pad(frames.change, (0, 1), mode="edge")
    moves = np.maximum(around[after - 1], around[after + 1])
    return times[stays & ((values >= CUT_SCORE) | ((values >= FAINT_SCORE) & (moves < _HARDLY)))]
