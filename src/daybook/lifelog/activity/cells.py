"""Measurements of a video in cells of about half a second, which also end at cuts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FRAMES_PER_SECOND = 2
BLOCKS = 5, 8
"""Rows and columns of a frame's blocks, whose brightness stands for what it shows."""

SILENCE = -90.0  # dBFS
_FAR = 1e9  # seconds, beyond the end of any video


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames in the order in which they are shown."""

    at: Floats
    """Seconds, ascending."""
    blocks: NDArray[np.uint8]
    """(frames, 40): mean luma of each block."""
    change: Floats
    """Share of the frame that differs from the one before, 0 to 1; of the first one 0."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Loudness over time."""

    energy: Floats
    """Mean square of the samples, one for each `SOUND_STEP` seconds from the video's beginning; 1 is full scale."""
    step: float

    def levels(self, edges: Floats) -> Floats:
        """Decibels of full scale between each two of `edges` (seconds); silence if there is no sound any more."""
        total = np.concatenate([[0.0], np.cumsum(self.energy)]) * self.step
        at = np.interp(edges, np.arange(total.size) * self.step, total)
        mean = np.diff(at) / np.maximum(np.diff(edges), 1e-9)
        return np.maximum(10 * np.log10(np.maximum(mean, 1e-12)), SILENCE)


@dataclass(frozen=True, slots=True)
class Cells:
    """A video in cells that tile it."""

    edges: Floats
    """Seconds, one more than there are cells."""
    blocks: NDArray[np.uint8]
    """(cells, 40): brightness of the frame's blocks."""
    motion: Floats
    """Share of the frame that changes within half a second."""
    sound: Floats | None
    """dBFS."""
    cut: NDArray[np.bool_]
    """True if a cell begins at a cut; never the first."""

    @property
    def lengths(self) -> Floats:
        """Seconds of each."""
        return np.diff(self.edges)


def cells_of(frames: Frames, motion: Floats, cuts: Floats, sound: Sound | None, duration: float) -> Cells:
    """Return cells from frame to frame, split at `cuts` (seconds).

    `motion` holds the change from each frame to the next; NaN if unknown. It is set to NaN around cuts too. Unknown
    values are taken from the nearest cell of the same shot.
    """
    at = np.maximum(frames.at, 0.0)
    starts = np.concatenate([[0.0], at[1:]])
    shown = np.arange(at.size)
    inside = cuts[(cuts > starts[0]) & (cuts < duration)]
    cell_of_cut = np.searchsorted(starts, inside - 1e-6, side="right") - 1
    motion = motion.copy()
    motion[cell_of_cut] = np.nan
    # A cut at a frame's own time begins that frame's cell; any other begins a cell of its own that shows the next.
    between = ~np.isin(np.round(inside, 4), np.round(starts, 4))
    edges = np.concatenate([starts, inside[between]])
    order = np.argsort(edges, kind="stable")
    shown = np.concatenate([shown, np.minimum(cell_of_cut[between] + 1, at.size - 1)])[order]
    motion = np.concatenate([motion, np.full(int(between.sum()), np.nan)])[order]
    edges = edges[order]
    keep = edges < duration - 1e-3
    keep[0] = True
    edges, shown, motion = edges[keep], shown[keep], motion[keep]
    is_cut = np.isin(np.round(edges, 4), np.round(inside, 4))
    is_cut[0] = False
    edges = np.concatenate([edges, [duration]])
    return Cells(
        edges=edges,
        blocks=frames.blocks[shown],
        motion=_filled(motion, np.cumsum(is_cut, dtype=np.int64)),
        sound=None if sound is None else sound.levels(edges),
        cut=is_cut,
    )


def _filled(values: Floats, shots: NDArray[np.int64]) -> Floats:
    """`values` with each unknown one taken from the nearest known of the same shot, or 0 if there is none."""
    at = np.arange(values.size, dtype=np.float64)
    known = ~np.isnan(values)
    values = values.copy()
    if known.any():
        source, is_same = nearest(at[~known], shots[~known], at[known], shots[known])
        values[~known] = np.where(is_same, values[known][source], 0.0)
    else:
        values[:] = 0.0
    return values


def nearest(
    at: Floats, shots: NDArray[np.int64], known: Floats, known_shots: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each of the times `at` the nearest of the times `known` (ascending), if there is one in the same shot.

    The second array says whether there is; else it is the nearest of all.
    """
    after = np.minimum(np.searchsorted(known, at), known.size - 1)
    before = np.maximum(after - 1, 0)
    to_before = np.abs(known[before] - at) + np.where(known_shots[before] == shots, 0.0, _FAR)
    to_after = np.abs(known[after] - at) + np.where(known_shots[after] == shots, 0.0, _FAR)
    found = np.where(to_before <= to_after, before, after)
    return found, np.minimum(to_before, to_after) < _FAR
