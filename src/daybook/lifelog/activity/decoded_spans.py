"""Measurements of the parts of a video that are decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daybook.lifelog.activity.cells import BLOCKS, Floats
from daybook.lifelog.activity.decoding import (
    OnProgress,
    cut_scores,
    decode,
    gray_frames,
    raw_frames,
    slice_threads,
)
from daybook.lifelog.activity.exact import FAINT_SCORE, TWICE_A_SECOND_AND_KEYS, change_to_next, cuts_of
from daybook.lifelog.activity.meters import FrameMeter, MetadataMeter
from daybook.lifelog.activity.overview import Overview
from daybook.lifelog.activity.windows import Window, dropping

_SAME = 5e-3  # seconds by which times of the same frame may differ


@dataclass(frozen=True, slots=True)
class DecodedSpans:
    """Frames inside spans of which every frame was decoded."""

    at: Floats
    blocks: NDArray[np.uint8]
    motion: Floats
    """Share of the frame that has changed until the next; not a number if that was not seen."""
    cuts: Floats
    """Seconds."""
    spans: Floats
    """(spans, 2): begin and end in seconds, ascending."""

    @classmethod
    def none(cls) -> "DecodedSpans":
        """Return the result before anything is decoded."""
        empty = np.zeros(0)
        return cls(empty, np.zeros((0, BLOCKS[0] * BLOCKS[1]), np.uint8), empty, empty, np.zeros((0, 2)))

    def updated(self, new: "DecodedSpans") -> "DecodedSpans":
        """Return these spans with `new`, which wins where both overlap."""
        old = ~inside(self.at, new.spans)
        at = np.concatenate([self.at[old], new.at])
        order = np.argsort(at, kind="stable")
        return DecodedSpans(
            at[order],
            np.concatenate([self.blocks[old], new.blocks])[order],
            np.concatenate([self.motion[old], new.motion])[order],
            np.union1d(self.cuts[~inside(self.cuts, new.spans)], new.cuts),
            _united(np.concatenate([self.spans, new.spans])),
        )


async def decoded(
    path: Path, duration: float, seen: Overview, windows: list[Window], tell: OnProgress | None
) -> DecodedSpans:
    """Decode `windows` in one run over the file, which drops all other packets. Raises `FfmpegFailed`."""
    scores, shown, meter = MetadataMeter(), MetadataMeter(), FrameMeter()

    def outputs(pipes: Sequence[str]) -> list[str]:
        filters = cut_scores(pipes[0], above=FAINT_SCORE) + gray_frames(
            looks=TWICE_A_SECOND_AND_KEYS, notes=pipes[1]
        )
        return raw_frames(filters, pipes[2])

    async def on_data() -> None:
        if tell is not None and shown.times:
            await tell(shown.times[-1] / duration)

    dropped = f"noise=drop='{dropping(seen, windows)}'"
    reading = [*slice_threads(pixels=seen.pixels), "-skip_frame", "noref", "-skip_loop_filter", "all"]
    reading += ["-bsf:v", dropped]
    feeds = [scores.feed, shown.feed, meter.feed]
    await decode(path, reading, outputs, feeds, seconds=duration, pixels=seen.pixels, on_data=on_data)

    spans = _united(np.array([[seen.shown[w.first], seen.shown[w.last]] for w in windows]))
    frames = meter.frames(shown)
    cuts = cuts_of(frames, scores)
    # From one span to the next frames differ because time has passed.
    begins = np.abs(cuts[:, None] - spans[None, :, 0]).min(axis=1, initial=np.inf) < _SAME
    kept = inside(frames.at, spans)
    motion = change_to_next(frames)
    return DecodedSpans(frames.at[kept], frames.blocks[kept], motion[kept], cuts[~begins], spans)


def inside(at: Floats, spans: Floats) -> NDArray[np.bool_]:
    """True if each of the times is in a span, its end not included."""
    if spans.size == 0:
        return np.zeros(at.size, np.bool_)
    span = np.searchsorted(spans[:, 0], at + _SAME) - 1
    return (span >= 0) & (at < spans[np.maximum(span, 0), 1] - _SAME)


def _united(spans: Floats) -> Floats:
    """The same spans, ascending, those that touch as one."""
    united: list[list[float]] = []
    for begin, end in spans[np.argsort(spans[:, 0], kind="stable")].tolist():
        if united and begin <= united[-1][1] + _SAME:
            united[-1][1] = max(united[-1][1], end)
        else:
            united.append([begin, end])
    return np.array(united).reshape(-1, 2)
