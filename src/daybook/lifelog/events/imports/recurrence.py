"""Occurrences of a repeating calendar event with a simple rule.

Rules are expanded in local time, as people mean them: a meeting at nine is at nine in summer and in winter.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from dateutil.rrule import rrulestr

MOST_OCCURRENCES = 4_000
"""Of one event: ten years of days."""

BACK = timedelta(days=10 * 366)
AHEAD = timedelta(days=366)
"""Range of imported occurrences around now."""

_FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_PARTS = frozenset(
    {"FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"}
)
_LONGEST_MONTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_DAYS = frozenset({"MO", "TU", "WE", "TH", "FR", "SA", "SU"})
_MOST_WEEKS = 53


class NotSimple(ValueError):
    """A rule that is not expanded; the message gives the reason."""


def occurrences(
    rule: str, start: datetime, until: datetime | None, now: datetime
) -> tuple[list[datetime], bool]:
    """Return the times (naive, like `start`) of `rule`, including the first, and True if there are more outside the
    imported range. `until` is the rule's own end in local time.

    Raises `NotSimple`.
    """
    parts = parts_of(rule)
    last = now + AHEAD
    ends_later = until is None or until > last
    parts["UNTIL"] = (min(until, last) if until else last).strftime("%Y%m%dT%H%M%S")
    count = parts.pop("COUNT", None)
    try:
        found = rrulestr(
            ";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start, ignoretz=True
        )
    except (ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise NotSimple("its rule cannot be read") from error
    times, is_cut = _taken(start, found, _whole(count), now - BACK)
    return times, is_cut or (ends_later and count is None)


def rule_end(rule: str) -> str | None:
    """Return the value of `UNTIL`; None if there is none."""
    return parts_of(rule).get("UNTIL")


def _taken(
    start: datetime, found: Iterable[datetime], count: int | None, first: datetime
) -> tuple[list[datetime], bool]:
    """Return the occurrences from `first` on, always including `start`, and True if any are left out."""
    times: list[datetime] = []
    is_cut, number = False, 0
    for number, time in enumerate(found, 1):
        if count is not None and number > count:
            break
        if time < first:
            is_cut = True
        elif len(times) >= MOST_OCCURRENCES:
            raise NotSimple(f"it takes place more than {MOST_OCCURRENCES} times")
        else:
            times.append(time)
    if start >= first and (not times or times[0] != start):
        times.insert(0, start)
    return times, is_cut


def parts_of(rule: str) -> dict[str, str]:
    """Return the parts of a simple, possible rule. Raises `NotSimple`."""
    parts: dict[str, str] = {}
    for part in rule.strip().strip(";").split(";"):
        name, has_value, value = part.partition("=")
        if not has_value or name.upper() in parts:
            raise NotSimple("its rule cannot be read")
        parts[name.strip().upper()] = value.strip().upper()
    if parts.get("FREQ") not in _FREQUENCIES:
        raise NotSimple("it repeats more often than daily, or its rule is unknown")
    if unknown := parts.keys() - _PARTS:
        raise NotSimple(f"its rule has {min(unknown)[:20]}, which is not supported")
    _check_possible(parts)
    return parts


def _check_possible(parts: dict[str, str]) -> None:
    """Reject rules without occurrences: the search would run until the end of the calendar."""
    months = [_whole(value) or 0 for value in _list(parts, "BYMONTH")] or list(_LONGEST_MONTHS)
    days = [_whole(value) or 0 for value in _list(parts, "BYMONTHDAY")]
    positions = [_whole(value) or 0 for value in _list(parts, "BYSETPOS")]
    weekdays = _list(parts, "BYDAY")
    numbers = [_whole(day[:-2] or "1") or 0 for day in weekdays]
    most = _MOST_WEEKS if parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts else 5
    if (
        any(month not in _LONGEST_MONTHS for month in months)
        or any(day == 0 for day in days)
        or (days and all(abs(day) > max(_LONGEST_MONTHS[month] for month in months) for day in days))
        or any(position == 0 for position in positions)
        or any(day[-2:] not in _DAYS for day in weekdays)
        or any(not 1 <= abs(number) <= most for number in numbers)
        or (_whole(parts.get("INTERVAL", "1")) or 0) < 1
        or (_whole(parts.get("COUNT", "1")) or 0) < 1
    ):
        raise NotSimple("its rule matches no day")
    if positions and not (weekdays or days):
        raise NotSimple("its rule has BYSETPOS without days to choose from")


def _list(parts: dict[str, str], name: str) -> list[str]:
    return [value for value in parts.get(name, "").split(",") if value]


def _whole(value: str | None) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        raise NotSimple("its rule cannot be read") from None
