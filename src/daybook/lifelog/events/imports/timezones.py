"""The timezones that calendars name: IANA's, Windows', and those that a calendar brings along."""

import io
import re
from collections.abc import Mapping
from datetime import tzinfo
from zoneinfo import ZoneInfo

from dateutil.tz import tzical
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from daybook.kit.errors import Invalid
from daybook.lifelog.days import zone_named
from daybook.lifelog.events.imports.recurrence import parts_of

_RULE = re.compile(r"^RRULE[^:]*:(.*)$", re.MULTILINE | re.IGNORECASE)
_LONGEST = 10_000


class Timezones:
    """Looks up the timezones of one calendar. What another calendar calls by the same name does not matter."""

    def __init__(self, definitions: Mapping[str, str]) -> None:
        self._definitions = definitions
        self._known: dict[str, tzinfo | None] = {}

    def of(self, name: str) -> tzinfo | None:
        """The zone of a `TZID`; None for one that nobody knows and the calendar does not define."""
        if name not in self._known:
            self._known[name] = _by_name(name) or _by_definition(self._definitions.get(name))
        return self._known[name]


def _by_name(name: str) -> ZoneInfo | None:
    """IANA's own name, Windows' name, or one behind the name of whoever made the calendar (`/vendor/Asia/Taipei`)."""
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
    """The zone of a `VTIMEZONE`. Its rules are once a year; working out others would take for ever."""
    if definition is None or len(definition) > _LONGEST:
        return None
    try:
        if any(parts_of(rule)["FREQ"] != "YEARLY" for rule in _RULE.findall(definition)):
            return None
        found = tzical(io.StringIO(definition))
        return found.get(found.keys()[0])
    except (
        ValueError,
        IndexError,
        TypeError,
        AttributeError,
        KeyError,
    ):  # whatever dateutil stumbles over, and rules that never come
        return None
