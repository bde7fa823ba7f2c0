"""Events of calendars (iCalendar, RFC 5545).

- A repeating event becomes one event per occurrence; a changed occurrence replaces the regular one. The key is the
`UID` and, of an occurrence, its original time.
- Cancelled events are not imported.
- Events that cannot be read are reported one by one, and the others are imported.
"""

from collections.abc import Callable, Iterable, Iterator

from daybook.kit.clock import now
from daybook.kit.errors import Invalid
from daybook.lifelog.events.fields import LONGEST_LABEL, LONGEST_SUMMARY, clean_line, clean_text
from daybook.lifelog.events.imports.components import Component, take_apart
from daybook.lifelog.events.imports.recurrence import NotSimple, occurrences, rule_end
from daybook.lifelog.events.imports.rows import Problem, Row, kept_key
from daybook.lifelog.events.imports.times import Times, Unreadable, Wall
from daybook.lifelog.events.imports.timezones import Timezones


def rows(text: str, timezone: str) -> Iterator[Row | Problem]:
    """Yield the events of a calendar of a user in `timezone`; `line` is where an event begins.

    Raises `Invalid` for a file that is no calendar.
    """
    parts = take_apart(text)
    times = Times(Timezones(parts.timezones), timezone)
    groups: dict[str, list[Component]] = {}
    for number, event in enumerate(parts.events):
        groups.setdefault(event.text("UID") or f"without:{number}", []).append(event)
    for uid, events in groups.items():
        yield from _Series(uid, times).rows(events)


class _Series:
    """The components of a calendar with the same `UID`."""

    def __init__(self, uid: str, times: Times) -> None:
        self._uid = uid
        self._times = times
        self._singles: dict[str, Component] = {}

    def rows(self, events: list[Component]) -> Iterator[Row | Problem]:
        """Yield the events to import and the problems of others."""
        masters: list[Component] = []
        for event in events:
            yield from _told(event, lambda event=event: self._sort(event, masters))
        for meant, event in self._singles.items():
            yield from _told(event, lambda event=event, meant=meant: self._one(event, meant))
        if masters:
            master = max(masters, key=_sequence)
            yield from _told(master, lambda: self._all(master))

    def _sort(self, event: Component, masters: list[Component]) -> Iterator[Row | Problem]:
        """Separate changed occurrences from the series; the newest change wins."""
        if event.problem is not None:
            raise Unreadable(event.problem)
        meant = event.first("RECURRENCE-ID")
        if meant is None:
            masters.append(event)
        elif "RANGE" in meant.params:
            raise Unreadable("It changes all later occurrences at once, which is not supported.")
        else:
            name = self._times.name(self._times.wall(meant))
            if name not in self._singles or _sequence(event) >= _sequence(self._singles[name]):
                self._singles[name] = event
        yield from ()

    def _one(self, event: Component, meant: str | None) -> Iterator[Row | Problem]:
        """Yield the event once, at its own time."""
        yield from self._row(event, self._times.start(event), meant)

    def _all(self, master: Component) -> Iterator[Row | Problem]:
        """Yield every occurrence except those that are changed."""
        start = self._times.start(master)
        if not master.properties.keys() & {"RRULE", "RDATE"}:
            yield from self._row(master, start, None)
            return
        try:
            walls, has_more = self._walls(master, start)
        except NotSimple as problem:
            yield Problem(master.line, f"It repeats, but {problem}. Only its first time is imported.")
            walls, has_more = [start], False
        if has_more:
            yield Problem(
                master.line,
                "It repeats more than ten years back or one year ahead; those occurrences are skipped.",
            )
        for wall in walls:
            name = self._times.name(wall)
            if name not in self._singles:
                yield from self._row(master, wall, name)

    def _walls(self, master: Component, start: Wall) -> tuple[list[Wall], bool]:
        """Return the times of all occurrences, and True if there are more. Raises `NotSimple`."""
        rules = master.properties.get("RRULE", [])
        if len(rules) > 1:
            raise NotSimple("it has several rules")
        found, has_more = {start.moment}, False
        if rules:
            end = rule_end(rules[0].value)
            until = None if end is None else self._times.until(end, start)
            times, has_more = occurrences(rules[0].value, start.moment, until, now().replace(tzinfo=None))
            found = set(times)
        walls = {self._times.name(wall): wall for wall in (Wall(moment, start.zone) for moment in found)}
        for wall in self._times.several(master, "RDATE"):
            walls.setdefault(self._times.name(wall), wall)
        for wall in self._times.several(master, "EXDATE"):
            walls.pop(self._times.name(wall), None)
        return sorted(walls.values(), key=lambda wall: wall.moment), has_more

    def _row(self, event: Component, start: Wall, meant: str | None) -> Iterator[Row | Problem]:
        if event.text("STATUS").upper() == "CANCELLED":
            return
        title, place = clean_line(event.text("SUMMARY")), clean_line(event.text("LOCATION"))
        words = clean_text("\n".join(filter(None, [title, event.text("DESCRIPTION")])))
        if not (words or place):
            raise Unreadable("It has no text: no SUMMARY, DESCRIPTION or LOCATION.")
        if words is not None and len(words) > LONGEST_SUMMARY:
            yield Problem(event.line, f"Its description is cut to {LONGEST_SUMMARY} characters.")
        begins, duration = self._times.span(event, start)
        yield Row(
            line=event.line,
            key=kept_key(f"ical:{self._uid}" if meant is None else f"ical:{self._uid}|{meant}"),
            start_time=begins,
            duration=duration,
            action=title and title[:LONGEST_LABEL],
            scene=place and place[:LONGEST_LABEL],
            summary=words and words[:LONGEST_SUMMARY],
        )


def _told(event: Component, read: Callable[[], Iterable[Row | Problem]]) -> list[Row | Problem]:
    """Return the result of `read`, or the problem of an event that cannot be read."""
    try:
        return list(read())
    except (Unreadable, Invalid) as problem:
        return [Problem(event.line, str(problem))]


def _sequence(event: Component) -> int:
    """Return the revision number of the event."""
    text = event.text("SEQUENCE")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004  (digits)
