"""Parsing of an iCalendar file (RFC 5545) into events with their lines, and the timezones it defines."""

import re
from dataclasses import dataclass, field

from icalendar.parser import Contentline

from daybook.kit.errors import Invalid

_CUT_OFF = "It has no end; the file seems to be cut off."

_DEEPEST = 20

_ENDS = re.compile("\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an event: `DTSTART;TZID=Asia/Taipei:20260308T073000`."""

    params: dict[str, str]
    value: str


@dataclass(slots=True)
class Component:
    """An event of the file."""

    line: int
    properties: dict[str, list[Property]] = field(default_factory=dict[str, list[Property]])
    problem: str | None = None

    def first(self, name: str) -> Property | None:
        """Return the first property of that name."""
        found = self.properties.get(name)
        return found[0] if found else None

    def text(self, name: str) -> str:
        """Return the text of a property; empty if there is none."""
        found = self.first(name)
        return "" if found is None else found.value.strip()


@dataclass(frozen=True, slots=True)
class Parts:
    """Contents of a calendar."""

    events: list[Component]
    timezones: dict[str, str]


def take_apart(text: str) -> Parts:
    """Parse a calendar. An event that cannot be read has a `problem`; the others are still read.

    Raises `Invalid` for a file that is no calendar.
    """
    lines = _unfolded(text)
    if not any(line.strip().upper() == "BEGIN:VCALENDAR" for _, line in lines[:50]):
        raise Invalid("The file is no calendar: it does not begin with BEGIN:VCALENDAR.")
    parts = Parts([], {})
    inside: list[str] = []
    timezone: list[str] = []
    for number, line in lines:
        begins, ends = _border(line)
        if begins is not None:
            _enter(inside, begins, number)
        if begins == "VEVENT" and inside.count("VEVENT") == 1:
            parts.events.append(Component(number, problem=_CUT_OFF))
        elif ends == "VEVENT" and inside[-1:] == ["VEVENT"] and parts.events[-1].problem is _CUT_OFF:
            parts.events[-1].problem = None
        elif begins is None and ends is None and inside[-1:] == ["VEVENT"]:
            _read(parts.events[-1], line)
        if "VTIMEZONE" in inside:
            timezone.append(line)
        if ends is not None and inside:
            inside.pop()
        if timezone and "VTIMEZONE" not in inside:
            _keep_timezone(parts.timezones, timezone)
            timezone = []
    return parts


def _enter(inside: list[str], name: str, number: int) -> None:
    inside.append(name)
    if len(inside) > _DEEPEST:
        raise Invalid(f"The file is no calendar: its components are nested too deeply (line {number}).")


def _border(line: str) -> tuple[str | None, str | None]:
    """Return the component that begins with `line`, and the one that ends with it."""
    word, _, name = line.strip().upper().partition(":")
    return (name if word == "BEGIN" else None, name if word == "END" else None)


def _unfolded(text: str) -> list[tuple[int, str]]:
    """Return the numbered lines, with continuation lines (space or tab) joined to the line before."""
    lines: list[tuple[int, list[str]]] = []
    for number, line in enumerate(_ENDS.split(text), 1):
        if line[:1] in {" ", "\t"} and lines:
            lines[-1][1].append(line[1:])
        elif line.strip():
            lines.append((number, [line]))
    return [(number, "".join(parts)) for number, parts in lines]


def _read(event: Component, line: str) -> None:
    try:
        name, params, value = Contentline(line).parts()
    except (ValueError, IndexError):
        if event.problem is _CUT_OFF:
            event.problem = f"The line {line[:40]!r} cannot be read."
        return
    plain = {
        str(key).upper(): str(found[0] if isinstance(found, list) else found) for key, found in params.items()
    }
    event.properties.setdefault(str(name).upper(), []).append(Property(plain, str(value)))


def _keep_timezone(timezones: dict[str, str], lines: list[str]) -> None:
    for line in lines:
        name, _, value = line.partition(":")
        if name.split(";")[0].strip().upper() == "TZID":
            timezones.setdefault(value.strip(), "\n".join(lines))
            return
