"""Selection of the parts of a video to decode after its overview."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daybook.lifelog.activity.cells import Floats
from daybook.lifelog.activity.overview import Overview

SPENT = 0.28
"""Maximum share of the work of decoding everything, keyframes included."""
SAMPLED = 0.04
"""Share of it for short samples all over the video, which measure motion."""
LEAST = 0.12
"""Minimum share of it in addition to the keyframes."""

# Estimated share of the work without unreferenced pictures and deblocking; `bench/activity.py` checks the total.
_LEFT_WITH_B, _LEFT_WITHOUT_B = 0.7, 0.9
_READING = 0.03  # of the work: reading the file, some times

_JUMP = 6.0  # steps of 255 by which blocks of two keyframes differ on average, at least, where a cut may be between
_UNUSUAL = 2.0  # times as much as between the keyframes around
_AROUND = 5  # keyframes to either side
_SPIKE = 1.5  # times the bytes of the largest tenth of the frames
_SPIKE_NEXT = 1.3  # and times those of the next largest
_EARLY = 0.8  # of the usual distance of keyframes
_NEAR = 0.3  # seconds
_SAME = 0.01  # seconds
_SAMPLE = 0.56  # seconds: two frames half a second apart


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of frames: a keyframe and those up to the next."""

    first: NDArray[np.int64]
    """The packet of each one's keyframe, and at the end the count of packets."""
    begin: Floats
    """Seconds at which its keyframe is shown, and at the end that of the video's end."""
    jump: Floats
    """Steps of 255 by which the next keyframe's blocks differ on average; of the last one 0."""
    change: Floats
    """Share of the frame that has changed until the next keyframe; of the last one NaN."""
    spike: NDArray[np.int64]
    """The packet whose size suggests a cut, or -1."""
    is_jump: NDArray[np.bool_]
    """True if the next keyframe shows something else, more than those around differ."""
    is_early: NDArray[np.bool_]
    """True if the next keyframe comes sooner than usual, and nothing else looks like a cut: the encoder saw one."""

    @property
    def count(self) -> int:
        """Number of groups."""
        return self.first.size - 1

    def at(self, seconds: Floats) -> NDArray[np.int64]:
        """Return the groups of these times."""
        return np.clip(np.searchsorted(self.begin, seconds, side="right") - 1, 0, self.count - 1)


def groups_of(seen: Overview, duration: float) -> Groups:
    """The groups whose keyframe could be decoded."""
    packets = np.flatnonzero(seen.is_key)
    packets = packets[np.argsort(seen.shown[packets])]
    # A keyframe has the time of its packet, except rounding.
    at = np.clip(np.searchsorted(seen.shown[packets], seen.keys.at - 0.01), 0, packets.size - 1)
    first = np.append(packets[at], seen.shown.size)
    begin = np.append(seen.keys.at, duration)
    blocks = seen.keys.blocks.astype(np.int16)
    jump = np.append(np.abs(np.diff(blocks, axis=0)).mean(axis=1), 0.0)
    lengths = np.diff(begin)
    is_early = lengths < _EARLY * np.percentile(lengths, 90)
    is_early[-1] = False
    spike = np.array([_spike(seen, int(begin), int(end)) for begin, end in pairwise(first)])
    is_early &= spike < 0
    is_jump = (jump >= _JUMP) & (_unusual(jump) >= _UNUSUAL)
    return Groups(first, begin, jump, np.append(seen.keys.change[1:], np.nan), spike, is_jump, is_early)


def _spike(seen: Overview, first: int, last: int) -> int:
    """The packet between the two that stands out by its size, as the first after a cut mostly does, or -1."""
    sizes = seen.size[first + 1 : last]
    if sizes.size < 10:  # noqa: PLR2004  (too few to stand out of)
        return -1
    second, largest = np.argsort(sizes)[-2:]
    usual = float(np.percentile(sizes, 90))
    stands_out = sizes[largest] >= max(_SPIKE * usual, _SPIKE_NEXT * float(sizes[second]))
    return first + 1 + int(largest) if stands_out else -1


def _unusual(jump: Floats) -> Floats:
    """Return the ratio of each jump to the usual one around it, some of which may contain cuts too."""
    padded = np.pad(jump, _AROUND, mode="reflect" if jump.size > _AROUND else "edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
    return jump / np.maximum(np.percentile(around, 30, axis=1), 1.0)


@dataclass(frozen=True, slots=True)
class Window:
    """Packets that are decoded: from a keyframe's on, `last` included."""

    first: int
    last: int


def early_cuts(groups: Groups) -> Floats:
    """Cuts that need no decoding: the encoder began a group at them."""
    return groups.begin[1:][groups.is_jump & groups.is_early]


class Budget:
    """Windows that were decoded, and the work that may still be done."""

    def __init__(self, seen: Overview, groups: Groups) -> None:
        self.seen, self.groups = seen, groups
        has_b = bool((np.diff(seen.shown) < 0).any())
        self._saved = _LEFT_WITH_B if has_b else _LEFT_WITHOUT_B
        self._work = np.concatenate([[0.0], np.cumsum(seen.work)])
        keys = float(seen.work[seen.is_key].sum())
        self.left = max(SPENT - keys - _READING, LEAST)
        self.is_short = False
        """True if the budget did not suffice."""
        self._done: dict[int, Window] = {}

    def first_look(self) -> list[Window]:
        """Return short samples all over the video, and the groups where keyframes jump, the largest jump first."""
        wanted = self._samples()
        wanted += [_up_to_spike(self.seen, self.groups, group) for group in self._jumps()]
        return self._taken(wanted)

    def _jumps(self) -> list[int]:
        """Groups in which there should be a cut, the clearest first."""
        order = np.argsort(-self.groups.jump)
        return order[(self.groups.is_jump & ~self.groups.is_early)[order]].tolist()

    def closer(self, cuts: Floats, boundaries: Floats, strengths: NDArray[np.float32]) -> list[Window]:
        """Return undecoded windows where a cut is expected but not found, and around `boundaries`."""
        holds = np.zeros(self.groups.count, np.bool_)
        holds[self.groups.at(cuts - _SAME)] = True
        wanted = [_whole(self.seen, self.groups, group) for group in self._jumps() if not holds[group]]
        for boundary in boundaries[np.argsort(-strengths)]:
            before, after = self.groups.at(np.array([boundary - _NEAR, boundary + _NEAR])).tolist()
            # Between two groups: the one in which more changes holds the change.
            more = np.nan_to_num(self.groups.change[[before, after]], nan=np.inf)
            wanted.append(_whole(self.seen, self.groups, before if more[0] > more[1] else after))
        return self._taken(wanted)

    def cost(self, window: Window) -> float:
        """Return the work of decoding `window` as a share of decoding everything."""
        return float(self._work[window.last + 1] - self._work[window.first]) * self._saved

    def _samples(self) -> list[Window]:
        """The beginnings of as many groups as may be, evenly all over the video."""
        seen, groups = self.seen, self.groups
        begins = [_until(seen, groups, i, float(groups.begin[i]) + _SAMPLE) for i in range(groups.count)]
        each = max(float(np.mean([self.cost(window) for window in begins])), 1e-9)
        count = min(groups.count, max(1, int(SAMPLED / each)))
        return [begins[int(i)] for i in np.unique(np.linspace(0, groups.count - 1, count).astype(np.int64))]

    def _taken(self, wanted: list[Window]) -> list[Window]:
        taken: dict[int, Window] = {}
        for window in wanted:
            had = taken.get(window.first) or self._done.get(window.first)
            if had is not None and had.last >= window.last:
                continue
            cost = self.cost(window) - (self.cost(taken[window.first]) if window.first in taken else 0.0)
            self.is_short |= cost > self.left
            if cost <= self.left:
                self.left -= cost
                taken[window.first] = window
        self._done |= taken
        return [taken[first] for first in sorted(taken)]


def _up_to_spike(seen: Overview, groups: Groups, group: int) -> Window:
    """Return the group up to shortly after the packet that suggests a cut; all of it if there is none."""
    spike = int(groups.spike[group])
    return (
        _whole(seen, groups, group) if spike < 0 else _until(seen, groups, group, seen.shown[spike] + _SAMPLE)
    )


def _whole(seen: Overview, groups: Groups, group: int) -> Window:
    """The group and the next one's keyframe."""
    return Window(int(groups.first[group]), min(int(groups.first[group + 1]), seen.shown.size - 1))


def _until(seen: Overview, groups: Groups, group: int, seconds: float) -> Window:
    """The group up to the first frame that is shown after `seconds`."""
    whole = _whole(seen, groups, group)
    later = np.flatnonzero(seen.shown[whole.first : whole.last] > seconds)
    return Window(whole.first, whole.first + int(later[0])) if later.size else whole


def dropping(seen: Overview, windows: list[Window]) -> str:
    """The expression for ffmpeg's bitstream filter `noise` that drops all packets that are in no window.

    A tree, so that the time it takes for a packet grows with the logarithm of the number of windows only.
    """
    spans: list[tuple[float, float]] = []
    for window in windows:
        begin, end = seen.decoded[window.first], seen.decoded[window.last]
        if spans and begin <= spans[-1][1] + 1e-3:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((float(begin), float(end)))
    return f"st(0,dts*tb);not({_tree(spans)})"


def _tree(spans: list[tuple[float, float]]) -> str:
    if len(spans) == 1:
        begin, end = spans[0]
        return f"between(ld(0),{begin - 2e-3:.4f},{end + 2e-3:.4f})"
    half = len(spans) // 2
    return f"if(lt(ld(0),{spans[half][0] - 2e-3:.4f}),{_tree(spans[:half])},{_tree(spans[half:])})"
