"""Merging of activity segments into events: not too short, and not too many an hour.

Activity analysis cuts where frames change, and a video of quick cuts would become thousands of events, each with a cost
when it is described. The shortest segments are merged with a neighbour, one without a cut between them or else the
shorter one, until none is too short and there are few enough. That bounds the cost of an hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import ceil
from uuid import UUID

from daybook.lifelog.activity.schemas import Segment
from daybook.lifelog.events.facts import Facts, combine

SHORTEST = 2.0
"""Minimum seconds of a segment. A shorter video is one segment."""

ANY_VIDEO = 10
"""Events that any video may have in addition to those per hour."""


@dataclass(slots=True)
class _Part:
    facts: Facts
    start: float
    end: float
    cut: bool
    before: int | None
    after: int | None
    is_gone: bool = False

    @property
    def seconds(self) -> float:
        return self.end - self.start


def merge_segments(segments: Sequence[Segment], file_id: UUID, *, per_hour: int) -> list[Facts]:
    """Return the merged segments of a file in order, without gaps, at most `max_events` of them."""
    parts = [
        _Part(
            _facts(segment, file_id),
            segment.start,
            segment.end,
            segment.cut,
            place - 1 if place else None,
            place + 1 if place + 1 < len(segments) else None,
        )
        for place, segment in enumerate(segments)
    ]
    duration = segments[-1].end - segments[0].start if segments else 0.0
    left, most = len(parts), max_events(duration, per_hour)
    queue = [(part.seconds, place) for place, part in enumerate(parts)]
    heapify(queue)
    while left > 1 and queue:
        seconds, place = heappop(queue)
        part = parts[place]
        if part.is_gone or part.seconds != seconds:
            continue
        if seconds >= SHORTEST and left <= most:
            break
        joined = _join(parts, place)
        left -= 1
        heappush(queue, (parts[joined].seconds, joined))
    return [part.facts for part in parts if not part.is_gone]


def max_events(duration: float, per_hour: int) -> int:
    """Return the maximum number of events of a video."""
    return ANY_VIDEO + ceil(max(duration, 0.0) * per_hour / 3600)


def _facts(segment: Segment, file_id: UUID) -> Facts:
    return Facts(
        motion=segment.motion,
        brightness=segment.brightness,
        sound=segment.sound,
        file_id=file_id,
        start=segment.start,
        end=segment.end,
    )


def _join(parts: list[_Part], place: int) -> int:
    """Merge a part with a neighbour. Returns the index of the result."""
    part = parts[place]
    if part.before is None:
        first, second = place, part.after
    elif part.after is None or _rather_before(parts, place):
        first, second = part.before, place
    else:
        first, second = place, part.after
    assert second is not None, "the only part has no neighbour to join"  # noqa: S101  (for the type checker)
    one, other = parts[first], parts[second]
    one.facts = combine([(one.facts, one.seconds), (other.facts, other.seconds)])
    one.end, one.after, other.is_gone = other.end, other.after, True
    if other.after is not None:
        parts[other.after].before = first
    return first


def _rather_before(parts: list[_Part], place: int) -> bool:
    part = parts[place]
    assert part.before is not None, "asked for parts with two neighbours"  # noqa: S101  (for the type checker)
    assert part.after is not None, "asked for parts with two neighbours"  # noqa: S101  (for the type checker)
    before, after = parts[part.before], parts[part.after]
    return (part.cut, before.seconds) <= (after.cut, after.seconds)
