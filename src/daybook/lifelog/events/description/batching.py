"""Batching of descriptions: the frames of each segment and the segments of each call."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from daybook.lifelog.events.description import prompt

SEGMENTS_PER_CALL = 6
FRAMES_PER_CALL = 18
"""Maximum per call."""

_LONG_ENOUGH = (1.5, 5.0, 20.0, 60.0)
"""Seconds from which one, two, three … more frames are worth their cost."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Size:
    """Amount to describe."""

    segments: int
    frames: int
    calls: int

    @property
    def prompt_tokens(self) -> int:
        """Estimated number of tokens."""
        return (
            self.calls * prompt.TOKENS_OF_PROMPT
            + self.segments * prompt.TOKENS_OF_STRETCH
            + self.frames * prompt.TOKENS_OF_FRAME
        )

    @property
    def completion_tokens(self) -> int:
        """Estimated number of tokens."""
        return self.segments * prompt.TOKENS_OF_DESCRIPTION


def frames_of(seconds: float, most: int) -> int:
    """Return the number of frames to send of a segment."""
    return min(most, 1 + sum(seconds >= enough for enough in _LONG_ENOUGH))


def times_of(seconds: float, most: int) -> list[float]:
    """Return the seconds of these frames from the segment's start: the middles of equal parts."""
    count = frames_of(seconds, most)
    return [seconds * (2 * number + 1) / (2 * count) for number in range(count)]


def batches(segments: Iterable[tuple[T, float]], most_frames: int) -> list[list[T]]:
    """Split segments (with their seconds) into calls, in order."""
    result: list[list[T]] = []
    frames = FRAMES_PER_CALL + 1
    for segment, seconds in segments:
        more = frames_of(seconds, most_frames)
        if not result or frames + more > FRAMES_PER_CALL or len(result[-1]) == SEGMENTS_PER_CALL:
            result.append([])
            frames = 0
        result[-1].append(segment)
        frames += more
    return result


def size_of(lengths: Iterable[list[float]], most_frames: int) -> Size:
    """Return the amount to describe in files with these segment lengths; each call is about one file."""
    files = [list(enumerate(file)) for file in lengths]
    return Size(
        segments=sum(map(len, files)),
        frames=sum(frames_of(seconds, most_frames) for file in files for _, seconds in file),
        calls=sum(len(batches(file, most_frames)) for file in files),
    )
