"""Cuts a time range: lines for parts of an hour at its ends, hours up to midnight (UTC), days between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

from llm_tracker.arguments import DateRange

Rolled = Literal["hours", "days"]

Stretch = tuple[Literal["lines", "hours", "days"], datetime | None, datetime | None]
"""A table and a range of time in it, from (included) to (excluded); None is open."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


def ranges(dates: DateRange, *, days: bool) -> Iterator[Stretch]:
    """`dates`, cut at full hours and, with `days`, at midnights of UTC. There is always one."""
    start, end = dates.start, dates.end
    first, last = _up(start, HOUR), _down(end, HOUR)
    if first is not None and last is not None and first > last:
        yield "lines", start, end
        return
    if start != first:
        yield "lines", start, first
    if last != end:
        yield "lines", last, end
    if first is not None and first == last:
        return
    midnight, last_midnight = _up(first, DAY), _down(last, DAY)
    if not days or (midnight is not None and last_midnight is not None and midnight >= last_midnight):
        yield "hours", first, last
        return
    if first != midnight:
        yield "hours", first, midnight
    if last_midnight != last:
        yield "hours", last_midnight, last
    yield "days", midnight, last_midnight


def _down(moment: datetime | None, step: timedelta) -> datetime | None:
    if moment is None:
        return None
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step


def _up(moment: datetime | None, step: timedelta) -> datetime | None:
    below = _down(moment, step)
    if moment is None or below is None or below == moment:
        return moment
    return _LAST_MOMENT if below > _LAST_MOMENT - step else below + step
