"""Percentiles of latency from a histogram.

Calls are assumed to be spread evenly within their bucket (as in `histogram_quantile` of Prometheus), so an estimate is
in the same bucket as the true value. The last bucket has no end: its start is reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from daybook.ledger.rollups.models import DURATIONS

_PLACES = (*pairwise((0, *DURATIONS)), (DURATIONS[-1], DURATIONS[-1]))
"""Start and end of each bucket, in ms."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Estimates in ms: half of the calls took `p50` or less, and so on."""

    p50: int
    p90: int
    p99: int


def percentiles(durations: Sequence[int]) -> Percentiles | None:
    """Return the percentiles of the calls counted in `durations`, bucket by bucket; None if there are none."""
    if not sum(durations):
        return None
    return Percentiles(*(_percentile(durations, percent) for percent in (50, 90, 99)))


def _percentile(durations: Sequence[int], percent: int) -> int:
    wanted = sum(durations) * percent / 100
    before = 0
    for count, (start, end) in zip(durations, _PLACES, strict=True):
        if count and before + count >= wanted:
            return round(start + (end - start) * (wanted - before) / count)
        before += count
    raise AssertionError
