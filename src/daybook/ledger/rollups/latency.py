"""How long calls took, from how many of them are in which place of a histogram.

A percentile is estimated: calls are taken to lie evenly within their place (as `histogram_quantile` of Prometheus
does), so it is in the place where the true one is, and no more is known. The last place has no end: what lies in it is
told as its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from daybook.ledger.rollups.models import DURATIONS

_PLACES = (*pairwise((0, *DURATIONS)), (DURATIONS[-1], DURATIONS[-1]))
"""Where each place begins and ends, in ms."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Estimates in ms: half of the calls took `p50` or less, and so on."""

    p50: int
    p90: int
    p99: int


def percentiles(durations: Sequence[int]) -> Percentiles | None:
    """Of the calls counted in `durations`, place by place; None where there are none."""
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
