"""A *day* is the user's own: from midnight to midnight in their timezone, whatever clocks do in between.

Days follow each other without gap or overlap: every moment belongs to exactly one, and `local_day` names the one whose
bounds hold it. Where clocks change a day has 23 or 25 hours; a day that a country skipped has none.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from daybook.kit.errors import Invalid

_INSTANT = timedelta(microseconds=1)


class DayBounds(NamedTuple):
    """The moments of a day, in UTC: `start` belongs to it, `end` to the next one."""

    start: datetime
    end: datetime


def day_bounds(day: date, timezone: str) -> DayBounds:
    """Return the bounds of `day` in `timezone` (an IANA name).

    Raises `Invalid` for an unknown timezone and for days at the ends of the calendar.
    """
    zone = zone_named(timezone)
    try:
        return DayBounds(_beginning(day, zone), _beginning(day + timedelta(days=1), zone))
    except OverflowError:
        raise Invalid(f"{day.isoformat()} is beyond the calendar.", code="impossible_time") from None


def local_day(moment: datetime, timezone: str) -> date:
    """Return the day of `moment` (aware) in `timezone`. Raises `Invalid` as `day_bounds` does."""
    zone = zone_named(timezone)
    try:
        day = moment.astimezone(zone).date()
        # Clocks that go back over midnight show the old date again: the bounds decide where that time belongs.
        if moment < _beginning(day, zone):
            return day - timedelta(days=1)
        if moment >= _beginning(day + timedelta(days=1), zone):
            return day + timedelta(days=1)
    except OverflowError:
        raise Invalid(f"{moment.isoformat()} is beyond the calendar.", code="impossible_time") from None
    return day


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def zone_named(timezone: str) -> ZoneInfo:
    """The zone of an IANA name. Raises `Invalid`."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last for names of folders, and overlong ones
        raise Invalid(
            "timezone: must be an IANA name such as Asia/Taipei, Europe/Berlin or UTC.",
            code="unknown_timezone",
        ) from None


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    """The first moment from which on local clocks never show a date before `day`, in UTC."""
    midnight = datetime.combine(day, time.min, zone)
    first = midnight.astimezone(UTC)
    second = midnight.replace(fold=1).astimezone(UTC)
    if second < first:
        return _jump(second, first, zone)
    if second > first and (second - _INSTANT).astimezone(zone).date() < day:
        return second
    return first


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which clocks jump over midnight, somewhere in `(before, after]`."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
