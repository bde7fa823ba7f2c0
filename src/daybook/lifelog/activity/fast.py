"""Fast analysis: keyframes first, then only the parts around changes."""

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daybook.lifelog.activity.cells import FRAMES_PER_SECOND, Cells, Floats, Frames, cells_of, nearest
from daybook.lifelog.activity.decoded_spans import DecodedSpans, decoded, inside
from daybook.lifelog.activity.decoding import OnProgress
from daybook.lifelog.activity.overview import Overview, overview_of
from daybook.lifelog.activity.segmentation import boundaries_of
from daybook.lifelog.activity.windows import Budget, Groups, early_cuts, groups_of

_FEWEST_GROUPS = 8  # keyframes, below which they tell too little
_LONGEST_GROUP = 15.0  # seconds between keyframes, on average, beyond which they do too
_OVERVIEW = 0.4  # share of the time that it takes, for the progress
_DRAFT = 0.6
"""The draft finds too many boundaries on purpose: only their surroundings are decoded."""
_TURNS = 3
"""Maximum passes after the overview: each decides what the next one decodes."""
_STEP = 1 / FRAMES_PER_SECOND
_AROUND = 5  # groups to either side
_LEAST = 0.01  # share of the frame; what moves less is not told apart


async def fast_cells(
    path: Path, duration: float | None, tell: OnProgress | None, *, must: bool
) -> tuple[Cells, float] | None:
    """Return the video's cells and duration; None if there are too few keyframes.

    Also returns None, unless `must`, if more changes than may be decoded. Raises `FfmpegFailed`.
    """
    seen = await overview_of(path, duration, _part(tell, 0.0, _OVERVIEW))
    if seen.keys.at.size == 0 or not seen.is_key.any():
        return None
    if duration is None:
        duration = float(seen.shown.max()) + _STEP
    if seen.keys.at.size < _FEWEST_GROUPS or duration / seen.keys.at.size > _LONGEST_GROUP:
        return None
    groups = groups_of(seen, duration)
    draft = _Draft(seen, groups)
    budget = Budget(seen, groups)
    found = DecodedSpans.none()
    windows = budget.first_look()
    if budget.is_short and not must:
        return None
    for turn in range(_TURNS):
        if not windows:
            break
        begin = _OVERVIEW + (1 - _OVERVIEW) * turn / _TURNS
        part = _part(tell, begin, begin + (1 - _OVERVIEW) / _TURNS)
        found = found.updated(await decoded(path, duration, seen, windows, part))
        cells = _cells(seen, groups, draft, found, duration)
        windows = budget.closer(found.cuts, *await asyncio.to_thread(boundaries_of, cells, different=_DRAFT))
    return _cells(seen, groups, draft, found, duration), duration


def _cells(seen: Overview, groups: Groups, draft: "_Draft", found: DecodedSpans, duration: float) -> Cells:
    cuts = np.union1d(found.cuts, early_cuts(groups))
    frames, motion = draft.completed(found, cuts)
    return cells_of(frames, motion, cuts, seen.sound, duration)


def _part(tell: OnProgress | None, begin: float, end: float) -> OnProgress | None:
    if tell is None:
        return None

    async def part(share: float) -> None:
        await tell(begin + share * (end - begin))

    return part


class _Draft:
    """Half-second samples of a video, estimated from keyframes and packet sizes."""

    def __init__(self, seen: Overview, groups: Groups) -> None:
        counts = np.maximum(np.rint(np.diff(groups.begin) / _STEP).astype(np.int64), 1)
        self._keys = seen.keys
        self.group = np.repeat(np.arange(groups.count), counts)
        within = np.arange(self.group.size) - np.repeat(np.cumsum(counts) - counts, counts)
        self.at = groups.begin[self.group] + within * _STEP
        self.motion = self._motion_from_bytes(seen, groups)

    def _motion_from_bytes(self, seen: Overview, groups: Groups) -> Floats:
        """Spread the change between two keyframes over the time between them in proportion to packet sizes."""
        rest = ~seen.is_key
        cell = np.maximum(np.searchsorted(self.at, seen.shown[rest] + 1e-3) - 1, 0)
        taken = np.bincount(cell, seen.size[rest], self.group.size)
        cells = np.bincount(self.group, minlength=groups.count)
        mean = np.bincount(self.group, taken, groups.count) / np.maximum(cells, 1)
        share = np.clip(taken / np.maximum(mean[self.group], 1.0), 0.25, 4.0)
        change = np.where(groups.is_jump, np.nan, groups.change)
        return np.minimum(change[self.group] * share, 1.0)

    def completed(self, found: DecodedSpans, cuts: Floats) -> tuple[Frames, Floats]:
        """Return decoded values where there are any, else the draft, scaled by its error nearby."""
        motion = np.clip((self.motion + _LEAST) * self._off(found) - _LEAST, 0.0, 1.0)
        left = ~inside(self.at, found.spans)
        at = np.concatenate([self.at[left], found.at])
        order = np.argsort(at, kind="stable")
        blocks = np.concatenate([self._nearest_frame(self.at[left], found, cuts), found.blocks])[order]
        motion = np.concatenate([motion[left], found.motion])[order]
        return Frames(at[order], blocks, np.zeros(at.size)), motion

    def _off(self, found: DecodedSpans) -> Floats:
        """Return the factor by which the draft underestimates motion, as a median over the groups nearby.

        Only moving parts count: without motion both are zero.
        """
        cell = np.maximum(np.searchsorted(self.at, found.at + _STEP / 2) - 1, 0)
        told = self.motion[cell]
        both = ~np.isnan(found.motion) & ~np.isnan(told) & (np.fmax(found.motion, told) > 2 * _LEAST)
        if not both.any():
            return np.ones(self.at.size)
        groups, place = np.unique(self.group[cell[both]], return_inverse=True)
        off = np.bincount(place, found.motion[both] + _LEAST) / np.bincount(place, told[both] + _LEAST)
        around = np.lib.stride_tricks.sliding_window_view(np.pad(off, _AROUND, mode="edge"), 2 * _AROUND + 1)
        near, _ = nearest(
            self.group.astype(np.float64),
            np.zeros_like(self.group),
            groups.astype(np.float64),
            np.zeros_like(groups),
        )
        return np.median(around, axis=1)[near]

    def _nearest_frame(self, at: Floats, found: DecodedSpans, cuts: Floats) -> NDArray[np.uint8]:
        """Return the blocks of the nearest decoded frame of the same shot."""
        known = np.concatenate([self._keys.at, found.at])
        order = np.argsort(known, kind="stable")
        blocks = np.concatenate([self._keys.blocks, found.blocks])[order]
        known = known[order]
        shots = np.searchsorted(cuts, at + 1e-3)
        source, _ = nearest(at, shots, known, np.searchsorted(cuts, known + 1e-3))
        return blocks[source]
