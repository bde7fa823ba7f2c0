"""Timezones named in calendars: IANA's, Windows', and those that a calendar defines."""

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from dateutil.tz import tzical
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from daybook.kit.errors import Invalid
from daybook.lifelog.days import zone_named
from daybook.lifelog.events.imports.recurrence import parts_of

_RULE = re.compile(r"^RRULE[^:]*:(.*)$", re.MULTILINE | re.IGNORECASE)
_LONGEST = 10_000
_TRIED = [datetime(1900, 1, 1), datetime(2026, 1, 1), datetime(2026, 7, 1), datetime(2199, 12, 31)]  # noqa: DTZ001  (wall clocks)
_STUMBLES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""Errors of dateutil on invalid definitions; rules without occurrences are `ValueError`."""


class Timezones:
    """The timezones of one calendar."""

    def __init__(self, definitions: Mapping[str, str]) -> None:
        self._definitions = definitions
        self._known: dict[str, tzinfo | None] = {}

    def of(self, name: str) -> tzinfo | None:
        """Return the zone of a `TZID`; None if it is unknown and the calendar does not define it."""
        if name not in self._known:
            self._known[name] = _by_name(name) or _by_definition(self._definitions.get(name))
        return self._known[name]


def _by_name(name: str) -> ZoneInfo | None:
    """Look up IANA's name, Windows' name, or one with a vendor prefix (`/vendor/Asia/Taipei`)."""
    parts = name.strip("/").split("/")
    tails = ["/".join(parts[start:]) for start in range(1, len(parts))] if name.startswith("/") else []
    for candidate in (name.strip("/"), WINDOWS_TO_OLSON.get(name, ""), *tails):
        if candidate:
            try:
                return zone_named(candidate)
            except Invalid:
                continue
    return None


def _by_definition(definition: str | None) -> tzinfo | None:
    """Return the zone of a `VTIMEZONE`. Only yearly rules are accepted: others would take too long."""
    if definition is None or len(definition) > _LONGEST:
        return None
    try:
        if any(parts_of(rule)["FREQ"] != "YEARLY" for rule in _RULE.findall(definition)):
            return None
        found = tzical(io.StringIO(definition))
        zone = found.get(found.keys()[0])
        for moment in _TRIED:
            moment.replace(tzinfo=zone).astimezone(UTC)
    except _STUMBLES:
        return None
    return zone
