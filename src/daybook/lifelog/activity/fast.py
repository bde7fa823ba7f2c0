"""Key pictures first; of the rest only what lies around where something changed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daybook.lifelog.activity.cells import PICTURES_PER_SECOND, Cells, Floats, Pictures, cells_of
from daybook.lifelog.activity.decoding import Tell, look, noted_scores, raw_pictures, small_gray
from daybook.lifelog.activity.exact import CUT_SCORE, TWICE_A_SECOND, change_to_next, cuts_of
from daybook.lifelog.activity.meters import NoteMeter, PictureMeter
from daybook.lifelog.activity.overview import Overview, overview_of
from daybook.lifelog.activity.segmentation import boundaries_of
from daybook.lifelog.activity.windows import (
    Groups,
    Window,
    dropping,
    early_cuts,
    groups_of,
    likely_cuts,
    windows_of,
)

_LONGEST_GROUP = 15.0  # seconds between key pictures, on average, beyond which they tell too little
_OVERVIEW = 0.4  # share of the time that it takes, for the progress
_DRAFT = 0.6
"""A draft finds more boundaries than there are: only what lies around them is decoded."""
_STEP = 1 / PICTURES_PER_SECOND
_LEAST = 0.01  # share of the picture; what moves less is not told apart


async def look_where_it_changes(
    path: Path, duration: float | None, tell: Tell | None
) -> tuple[Cells, float] | None:
    """The film's cells and duration; nothing where its key pictures are too few to go by. Raises `FfmpegFailed`."""
    seen = await overview_of(path, duration, _part(tell, 0.0, _OVERVIEW))
    if seen.keys.at.size == 0 or not seen.is_key.any():
        return None
    if duration is None:
        duration = float(seen.shown.max()) + _STEP
    if duration / seen.keys.at.size > _LONGEST_GROUP:
        return None
    groups = groups_of(seen, duration)
    draft = _Draft(seen, groups, duration)
    boundaries, strengths = boundaries_of(
        cells_of(draft.pictures, draft.motion, likely_cuts(seen, groups), seen.sound, duration),
        different=_DRAFT,
    )
    windows = windows_of(seen, groups, boundaries, strengths)
    measured, scores = await _decoded(path, duration, dropping(seen, windows), _part(tell, _OVERVIEW, 1.0))
    spans = _spans(seen, windows)
    cuts = np.union1d(_cuts_within(spans, measured, scores), early_cuts(groups))
    pictures, motion = draft.completed(measured, spans)
    return cells_of(pictures, motion, cuts, seen.sound, duration), duration


def _part(tell: Tell | None, begin: float, end: float) -> Tell | None:
    if tell is None:
        return None

    async def part(share: float) -> None:
        await tell(begin + share * (end - begin))

    return part


class _Draft:
    """A film twice a second as key pictures and bytes tell it."""

    def __init__(self, seen: Overview, groups: Groups, duration: float) -> None:
        counts = np.maximum(np.rint(np.diff(groups.begin) / _STEP).astype(np.int64), 1)
        self.group = np.repeat(np.arange(groups.count), counts)
        within = np.arange(self.group.size) - np.repeat(np.cumsum(counts) - counts, counts)
        at = groups.begin[self.group] + within * _STEP
        middle = (groups.begin[:-2] + groups.begin[1:-1]) / 2
        shown = np.searchsorted(middle, at)
        self.pictures = Pictures(at, seen.keys.blocks[shown], np.zeros(at.size))
        self.motion = self._told_by_bytes(seen, groups)
        self.duration = duration

    def _told_by_bytes(self, seen: Overview, groups: Groups) -> Floats:
        """What has changed between two key pictures, spread over the time between them as their bytes are."""
        rest = ~seen.is_key
        cell = np.maximum(np.searchsorted(self.pictures.at, seen.shown[rest] + 1e-3) - 1, 0)
        taken = np.bincount(cell, seen.size[rest], self.group.size)
        cells = np.bincount(self.group, minlength=groups.count)
        mean = np.bincount(self.group, taken, groups.count) / np.maximum(cells, 1)
        share = np.clip(taken / np.maximum(mean[self.group], 1.0), 0.25, 4.0)
        change = np.where(groups.is_jump, np.nan, groups.change)
        return np.minimum(change[self.group] * share, 1.0)

    def completed(self, measured: Pictures, spans: Floats) -> tuple[Pictures, Floats]:
        """`measured` inside the `spans`, the draft outside, scaled by how both differ around there."""
        motion = change_to_next(measured)
        told = self.motion[np.clip(np.searchsorted(self.pictures.at, measured.at + _STEP / 2) - 1, 0, None)]
        both = ~np.isnan(motion) & ~np.isnan(told)
        if both.any():
            off = np.log((motion[both] + _LEAST) / (told[both] + _LEAST))
            scale = np.exp(np.interp(self.pictures.at, measured.at[both], off))
            scaled = np.clip((self.motion + _LEAST) * scale - _LEAST, 0.0, 1.0)
        else:
            scaled = self.motion
        left = ~_inside(self.pictures.at, spans)
        kept = _inside(measured.at, spans)
        at = np.concatenate([self.pictures.at[left], measured.at[kept]])
        order = np.argsort(at, kind="stable")
        blocks = np.concatenate([self.pictures.blocks[left], measured.blocks[kept]])[order]
        motion = np.concatenate([scaled[left], motion[kept]])[order]
        return Pictures(at[order], blocks, np.zeros(at.size)), motion


def _spans(seen: Overview, windows: Sequence[Window]) -> Floats:
    """(spans, 2): the seconds of which every picture is decoded; windows that touch are one."""
    spans: list[list[float]] = []
    last = -1
    for window in windows:
        begin, end = float(seen.shown[window.first]), float(seen.shown[window.last])
        if spans and window.first <= last:
            spans[-1][1] = end
        else:
            spans.append([begin, end])
        last = window.last
    return np.array(spans).reshape(-1, 2)


def _inside(at: Floats, spans: Floats) -> NDArray[np.bool_]:
    """Whether each of the times is in a span, its end not included."""
    if spans.size == 0:
        return np.zeros(at.size, np.bool_)
    span = np.searchsorted(spans[:, 0], at + 1e-3) - 1
    return (span >= 0) & (at < spans[np.maximum(span, 0), 1] - 1e-3)


def _cuts_within(spans: Floats, pictures: Pictures, scores: NoteMeter) -> Floats:
    """Cuts within spans; from one span to the next pictures differ because time has passed."""
    cuts = cuts_of(pictures, scores)
    begins = np.abs(cuts[:, None] - spans[None, :, 0]).min(axis=1, initial=np.inf) < 5e-3  # noqa: PLR2004
    return cuts[~begins]


async def _decoded(
    path: Path, duration: float, dropped: str, tell: Tell | None
) -> tuple[Pictures, NoteMeter]:
    scores, shown, pictures = NoteMeter(), NoteMeter(), PictureMeter()

    def outputs(pipes: Sequence[str]) -> list[str]:
        filters = noted_scores(pipes[0], above=CUT_SCORE) + small_gray(looks=TWICE_A_SECOND, notes=pipes[1])
        return raw_pictures(filters, pipes[2])

    async def on_data() -> None:
        if tell is not None and shown.times:
            await tell(shown.times[-1] / duration)

    reading = ["-skip_frame", "noref", "-skip_loop_filter", "all", "-bsf:v", f"noise=drop='{dropped}'"]
    feeds = [scores.feed, shown.feed, pictures.feed]
    await look(path, reading, outputs, feeds, seconds=duration, on_data=on_data)
    return pictures.pictures(shown), scores
