"""Results of activity analysis."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["exact", "fast", "auto"]
"""`exact` decodes every frame, `fast` only those around what changed, `auto` chooses by the video's length and size."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a video without a change. Times are seconds from the video's beginning."""

    start: float
    end: float
    motion: float
    """Share of the frame that changes within half a second, on average: 0 (a still) to 1."""
    brightness: float
    """Mean luma, 0 (black) to 1 (white)."""
    sound: float | None
    """Mean sound level in dBFS, -90 (silence) to 0; null if the video has no sound that can be decoded."""
    cut: bool
    """True if it begins at a cut. The first segment does not."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Segments tile the video: the first starts at 0, each at the end of the one before, the last ends at
    `duration`.
    """

    segments: list[Segment]
    duration: float
    """Seconds: the caller's value, or measured if unknown."""
    mode: Literal["exact", "fast"]
    """The mode that was used."""
