"""Cells → segments: similar neighbours are merged until all that are left differ.

The difference of two neighbours is that of picture, motion and sound, each relative to its variation within them: a few
more people are nothing in a crowd and an event in an empty yard. Cuts stay.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daybook.lifelog.activity.cells import Cells, Floats
from daybook.lifelog.activity.schemas import Segment

Singles = NDArray[np.float32]

SHORTEST = 2.0
"""Minimum seconds of a segment."""
STEADY = 3.0
"""Minimum seconds on both sides of a change that is no cut."""
MOST_PER_HOUR = 180
MOST_AT_ONCE = 20
"""Segments that any video may have in addition to those per hour."""

# What is just worth noticing in each of the three, for segments that do not vary by themselves.
_FRAME_UNIT = 14.0  # steps of 255, on average over the blocks
_MOTION_UNIT = 0.7  # doublings of the moving share
_SOUND_UNIT = 7.0  # dB
_STILL = 0.01  # share of the frame; below it motion is hardly told from noise
_QUIET = -60.0  # dBFS; all below is silence

_DIFFERENT = 1.0
_SETTLED = 6.0
"""Seconds at which a segment has full weight; shorter ones must differ more, longer ones less."""
_MOST_TRUST = 2.0

_LEVELS = 16  # steps in which the threshold rises
_ROUNDS = 40  # at each, before all pairs below it are merged whatever their neighbours
_MOST_CELLS = 20_000
_AT_ONCE = 2000  # segments whose features are worked out together, to need little memory
_TOLERANCE = 0.01  # seconds
_TELLING = 4  # cells to either side of a boundary that tell when it is
_REACH = 12  # cells by which a boundary may be moved in the end


def segments_of(cells: Cells) -> list[Segment]:
    """The segments, in order, from 0 to the last edge."""
    segments = _merged(cells, _DIFFERENT)
    hours = float(cells.edges[-1]) / 3600
    segments.merge_down_to(MOST_AT_ONCE + int(MOST_PER_HOUR * hours))
    return _described(segments.starts, cells)


def boundaries_of(cells: Cells, *, different: float) -> tuple[Floats, Singles]:
    """Return the boundaries (seconds) of segments that differ by `different`, and their differences."""
    segments = _merged(cells, different)
    return cells.edges[segments.starts[1:]], segments.differences()


def _merged(cells: Cells, different: float) -> "_Segments":
    count = cells.motion.size
    every = -(-count // _MOST_CELLS)
    starts = np.union1d(np.arange(0, count, every), np.flatnonzero(cells.cut))
    segments = _Segments.of(cells, starts)
    segments.merge_alike(different)
    segments.merge_short()
    segments = _Segments.of(cells, _placed(segments.starts, cells, _REACH * every))
    segments.merge_alike(different)
    segments.merge_short()
    return segments


def _units(cells: Cells) -> Singles:
    blocks = cells.blocks.shape[1]
    others = 1 if cells.sound is None else 2
    return np.array([*[1 / blocks] * blocks, *[1.0] * others], np.float32)


def _features(cells: Cells, part: slice) -> Singles:
    """(cells, features) of a part of them, in units of what is worth noticing, by the root of each one's weight."""
    blocks = cells.blocks[part] / (_FRAME_UNIT * cells.blocks.shape[1] ** 0.5)
    columns = [blocks, np.log2(1 + cells.motion[part, None] / _STILL) / _MOTION_UNIT]
    if cells.sound is not None:
        columns.append(np.maximum(cells.sound[part, None], _QUIET) / _SOUND_UNIT)
    return np.hstack(columns).astype(np.float32)


@dataclass(slots=True)
class _Segments:
    """Neighbouring segments with the sums of their features."""

    starts: NDArray[np.int64]
    """The first cell of each."""
    length: Singles
    sums: Singles
    squares: Singles
    cut: NDArray[np.bool_]
    """True if each begins at a cut."""
    units: Singles
    """Noticeable difference of each feature, squared and scaled."""

    @classmethod
    def of(cls, cells: Cells, starts: NDArray[np.int64]) -> "_Segments":
        """Return the segments that begin at the cells `starts`."""
        sums: list[Singles] = []
        squares: list[Singles] = []
        length = cells.lengths.astype(np.float32)
        for first in range(0, starts.size, _AT_ONCE):
            begins = starts[first : first + _AT_ONCE]
            end = int(starts[first + _AT_ONCE]) if first + _AT_ONCE < starts.size else length.size
            part = slice(int(begins[0]), end)
            features = _features(cells, part)
            weighted = features * length[part, None]
            sums.append(np.add.reduceat(weighted, begins - begins[0]))
            squares.append(np.add.reduceat(weighted * features, begins - begins[0]))
        return cls(
            starts,
            np.add.reduceat(length, starts),
            np.concatenate(sums),
            np.concatenate(squares),
            cells.cut[starts],
            _units(cells),
        )

    def joined(self, starts: NDArray[np.int64]) -> "_Segments":
        """Return the segments merged so that they begin at the cells `starts`."""
        at = np.searchsorted(self.starts, starts)
        return _Segments(
            starts,
            np.add.reduceat(self.length, at),
            np.add.reduceat(self.sums, at),
            np.add.reduceat(self.squares, at),
            self.cut[at],
            self.units,
        )

    def differences(self) -> Singles:
        """Return the difference of each segment but the first from the one before."""
        mean = self.sums / self.length[:, None]
        spread = np.maximum(self.squares / self.length[:, None] - mean**2, 0)
        before, after = self.length[:-1, None], self.length[1:, None]
        varied = (spread[:-1] * before + spread[1:] * after) / (before + after)
        apart = (np.diff(mean, axis=0) ** 2 / (1 + varied / self.units)).sum(axis=1)
        trust = np.minimum(np.minimum(before, after)[:, 0] / _SETTLED, _MOST_TRUST)
        return apart * trust

    def without(self, boundaries: NDArray[np.int64]) -> None:
        """Merge each of the segments `boundaries` (never 0) with the one before."""
        kept = np.delete(self.starts, boundaries)
        joined = self.joined(kept)
        self.starts, self.length, self.cut = joined.starts, joined.length, joined.cut
        self.sums, self.squares = joined.sums, joined.squares

    def merge_alike(self, different: float) -> None:
        """Merge neighbours that differ by less than `different`, the most similar first. Cuts are kept."""
        for level in np.linspace(different / _LEVELS, different, _LEVELS):
            for turn in range(10 * _ROUNDS):
                difference = self.differences()
                difference[self.cut[1:]] = np.inf
                padded = np.concatenate([[np.inf], difference, [np.inf]])
                alike = difference < level
                if turn < _ROUNDS:
                    alike &= (difference <= padded[:-2]) & (difference <= padded[2:])
                if not alike.any():
                    break
                self.without(_apart(np.flatnonzero(alike)) + 1)

    def merge_short(self) -> None:
        """Merge segments that are too short, the shortest first, with the more similar neighbour."""
        while self.length.size > 1:
            begins = np.append(self.cut, True)
            begins[0] = True
            allowed = np.where(begins[:-1] & begins[1:], SHORTEST, STEADY)
            missing = allowed - self.length
            padded = np.concatenate([[-np.inf], missing, [-np.inf]])
            shortest = np.flatnonzero(
                (missing > _TOLERANCE) & (missing >= padded[:-2]) & (missing >= padded[2:])
            )
            if shortest.size == 0:
                return
            # Small change rather joins small change than waters down what has lasted.
            other = np.minimum(np.maximum(self.length[:-1], self.length[1:]), _SETTLED)
            cost = np.concatenate([[np.inf], self._cost_of_losing() * other, [np.inf]])
            self.without(
                _apart(np.unique(np.where(cost[shortest] <= cost[shortest + 1], shortest, shortest + 1)))
            )

    def merge_down_to(self, count: int) -> None:
        """Merge until there are no more than `count`."""
        while self.length.size > count:
            cost = self._cost_of_losing()
            excess = self.length.size - count
            # Many at once while there are many: at most an eighth, so that the order is kept well enough.
            most = max(1, min(excess, self.length.size // 8))
            weakest = np.sort(np.argpartition(cost, most - 1)[:most])
            self.without(_apart(weakest) + 1)

    def _cost_of_losing(self) -> Singles:
        return self.differences() + np.where(self.cut[1:], 10 * _DIFFERENT, 0.0)


def _apart(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """`indices` (ascending) without those that follow one that is kept directly."""
    run = np.cumsum(np.concatenate([[True], np.diff(indices) > 1]))
    first = np.searchsorted(run, run)
    return indices[(np.arange(indices.size) - first) % 2 == 0]


def _placed(starts: NDArray[np.int64], cells: Cells, reach: int) -> NDArray[np.int64]:
    """Move each boundary that is no cut to where its two sides vary least, by at most `reach` cells."""
    length = cells.lengths.astype(np.float32)
    placed = starts.copy()
    for i in range(1, placed.size):
        if cells.cut[placed[i]]:
            continue
        end = int(placed[i + 1]) if i + 1 < placed.size else length.size
        part = slice(
            max(int(placed[i - 1]), int(placed[i]) - 2 * reach), min(end, int(placed[i]) + 2 * reach)
        )
        best = _best_split(_features(cells, part), length[part])
        if best is not None:
            placed[i] = part.start + best
    return placed


def _best_split(features: Singles, length: Singles) -> int | None:
    """Return the split of these cells with the least variation on both sides, at least `STEADY` seconds from either
    end.
    """
    weighted = np.cumsum(features * length[:, None], axis=0)
    time = np.cumsum(length)
    left, left_time = weighted[:-1], time[:-1, None]
    right, right_time = weighted[-1] - left, time[-1] - left_time
    gain = (left**2 / left_time + right**2 / np.maximum(right_time, 1e-9)).sum(axis=1)
    allowed = (left_time[:, 0] >= STEADY - _TOLERANCE) & (right_time[:, 0] >= STEADY - _TOLERANCE)
    if not allowed.any():
        return None
    return int(np.argmax(np.where(allowed, gain, -np.inf))) + 1


def _described(starts: NDArray[np.int64], cells: Cells) -> list[Segment]:
    length = cells.lengths
    bounds = np.append(starts, length.size).tolist()
    times = [0.0, *(_when(*around, cells) for around in zip(bounds, bounds[1:], bounds[2:], strict=False))]
    times.append(float(cells.edges[-1]))
    found: list[Segment] = []
    for number, (first, last) in enumerate(pairwise(bounds)):
        part, weight = slice(first, last), length[first:last]
        sound = None
        if cells.sound is not None:
            loud = float(np.average(10 ** (cells.sound[part] / 10), weights=weight))
            sound = round(10 * float(np.log10(loud)), 1)
        found.append(
            Segment(
                start=round(times[number], 3),
                end=round(times[number + 1], 3),
                motion=round(float(np.average(cells.motion[part], weights=weight)), 4),
                brightness=round(float(np.average(cells.blocks[part].mean(axis=1), weights=weight)) / 255, 3),
                sound=sound,
                cut=bool(cells.cut[first]),
            )
        )
    return found


def _when(first: int, boundary: int, last: int, cells: Cells) -> float:
    """Return the second of the change at cell `boundary` between two segments.

    If motion begins or ends there, it is the middle of the first or last cell with motion: the change happened at some
    time between two frames.
    """
    edge = float(cells.edges[boundary])
    if cells.cut[boundary] or boundary - first < _TELLING or last - boundary < _TELLING:
        return edge
    near = slice(boundary - _TELLING, boundary + _TELLING)
    motion = np.log2(1 + cells.motion[near] / _STILL) / _MOTION_UNIT
    before, after = float(np.median(motion[: _TELLING - 1])), float(np.median(motion[_TELLING + 1 :]))
    if abs(after - before) < _DIFFERENT:
        return edge
    moves = motion > min(before, after) + abs(after - before) / 4
    active = np.flatnonzero(moves[1:-1]) + 1
    if active.size == 0:
        return edge
    cell = boundary - _TELLING + int(active[0] if after > before else active[-1])
    return float(cells.edges[cell] + cells.edges[cell + 1]) / 2
