"""Times in calendars: in UTC, in a timezone, local, and whole days.

A time without a timezone is local, in the user's own; a whole day is the user's own day, however many hours it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from icalendar.prop import vDuration

from daybook.lifelog.days import day_bounds, zone_named
from daybook.lifelog.events.fields import LONGEST_DURATION, within_calendar
from daybook.lifelog.events.imports.components import Component, Property
from daybook.lifelog.events.imports.timezones import Timezones

_TOO_LONG = "It takes longer than a year."

_DATE = 8
"""Digits of a date without a time."""


class Unreadable(ValueError):
    """An event that cannot be imported; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Wall:
    """A local time in `zone`; without a zone a whole day, at its midnight."""

    moment: datetime
    zone: tzinfo | None


class Times:
    """Reader of one calendar's times, for a user in `timezone`."""

    def __init__(self, timezones: Timezones, timezone: str) -> None:
        self._timezones = timezones
        self._timezone = timezone
        self._zone = zone_named(timezone)

    def start(self, event: Component) -> Wall:
        """Return the start of an event. Raises `Unreadable`."""
        found = event.first("DTSTART")
        if found is None:
            raise Unreadable("It has no start: DTSTART is missing.")
        return self.wall(found)

    def several(self, event: Component, name: str) -> Iterator[Wall]:
        """Yield the times of all properties of that name. Raises `Unreadable`."""
        for found in event.properties.get(name, []):
            if found.params.get("VALUE", "").upper() == "PERIOD":
                raise Unreadable(f"It has {name} with periods, which are not supported.")
            for value in found.value.split(","):
                yield self.wall(Property(found.params, value))

    def wall(self, found: Property) -> Wall:
        """Return the local time of a property. Raises `Unreadable`."""
        value, name = found.value.strip().upper(), found.params.get("TZID")
        zone: tzinfo | None = UTC if value.endswith("Z") else self._zone
        if name is not None and not value.endswith("Z"):
            zone = self._timezones.of(name)
            if zone is None:
                raise Unreadable(f"Its timezone {name[:60]!r} is not known, and the file does not define it.")
        try:
            if found.params.get("VALUE", "").upper() == "DATE" or len(value) == _DATE:
                return Wall(_checked(datetime.strptime(value, "%Y%m%d")), None)  # noqa: DTZ007  (a wall clock's)
            return Wall(_checked(datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")), zone)  # noqa: DTZ007
        except ValueError as problem:
            raise Unreadable(
                f"The time {value[:30]!r} cannot be read or is beyond the calendar."
            ) from problem

    def until(self, value: str, start: Wall) -> datetime:
        """Return the end of a rule in its event's local time. Raises `Unreadable`."""
        end = self.wall(Property({}, value))
        if end.zone is None:
            return datetime.combine(end.moment.date(), time.max)
        if start.zone is None or not value.upper().endswith("Z"):
            return end.moment
        return end.moment.replace(tzinfo=UTC).astimezone(start.zone).replace(tzinfo=None)

    def name(self, wall: Wall) -> str:
        """Return a time as used in keys: `20260308` for a whole day, else `20260308T073000Z`."""
        if wall.zone is None:
            return f"{wall.moment:%Y%m%d}"
        return f"{_utc(wall.moment, wall.zone):%Y%m%dT%H%M%SZ}"

    def span(self, event: Component, start: Wall) -> tuple[datetime, float | None]:
        """Return the start (UTC) and seconds of the occurrence of `event` at `start`.

        A `DTEND` keeps its distance in local time; a `DURATION` is exact.
        """
        own = self.start(event)
        end, lasts = event.first("DTEND"), event.first("DURATION")
        if start.zone is None or own.zone is None:
            return self._whole_days(event, start, own)
        begins, ends = _utc(start.moment, start.zone), None
        if end is not None:
            last = self.wall(end)
            if last.zone is None:
                raise Unreadable("It begins at a time and ends on a day.")
            ends = _utc(start.moment + (_in(last, own.zone) - own.moment), start.zone)
        elif lasts is not None:
            ends = begins + _duration(lasts)
        return begins, None if ends is None else _length(begins, ends)

    def _whole_days(self, event: Component, start: Wall, own: Wall) -> tuple[datetime, float]:
        end, lasts = event.first("DTEND"), event.first("DURATION")
        span = timedelta(days=1)
        if end is not None:
            span = max(span, datetime.combine(self.wall(end).moment.date(), time.min) - own.moment)
        elif lasts is not None:
            span = max(span, timedelta(days=_duration(lasts).days))
        first: date = start.moment.date()
        begins = day_bounds(first, self._timezone).start
        return begins, _length(begins, day_bounds(first + span, self._timezone).start)


def _checked(moment: datetime) -> datetime:
    return within_calendar(moment)


def _in(wall: Wall, zone: tzinfo) -> datetime:
    """Return `wall` in the local time of `zone`."""
    if wall.zone is None or wall.zone == zone:
        return wall.moment
    return wall.moment.replace(tzinfo=wall.zone).astimezone(zone).replace(tzinfo=None)


def _utc(moment: datetime, zone: tzinfo) -> datetime:
    return moment.replace(tzinfo=zone).astimezone(UTC)


def _duration(found: Property) -> timedelta:
    try:
        span = vDuration.from_ical(found.value.strip())
    except (ValueError, OverflowError, TypeError) as problem:
        raise Unreadable(f"The duration {found.value[:30]!r} cannot be read.") from problem
    if span.total_seconds() > LONGEST_DURATION:
        raise Unreadable(_TOO_LONG)
    return span


def _length(begins: datetime, ends: datetime) -> float:
    seconds = (ends - begins).total_seconds()
    if seconds < 0:
        raise Unreadable("It ends before it begins.")
    if seconds > LONGEST_DURATION:
        raise Unreadable(_TOO_LONG)
    return seconds
