"""Import of events in one transaction. Entries that cannot be read are reported line by line.

Repeating an import updates changed events and duplicates nothing: each event keeps the key of its source. An event that
the user has edited since is not changed.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeAlias

from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.kit.errors import Invalid
from daybook.lifelog.days import zone_named
from daybook.lifelog.events import repository
from daybook.lifelog.events.imports import calendar_rows, csv_rows, json_rows
from daybook.lifelog.events.imports.rows import MOST_ROWS, Problem, Row
from daybook.lifelog.events.models import Event, Origin

Format: TypeAlias = Literal["json", "csv", "icalendar"]

LARGEST_FILE = 10 * 2**20
"""Bytes."""

LONGEST_READING = 30.0
"""Seconds."""

_AT_A_TIME = 500
_FIELDS = ("start_time", "duration", "action", "scene", "summary")


@dataclass(slots=True)
class Imported:
    """Result of importing a file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    """Edited since their import, and left unchanged."""
    problems: list[Problem] = field(default_factory=list[Problem])


async def import_events(session: WriteSession, user: User, data: bytes, format: Format | None) -> Imported:  # noqa: A002  (its name everywhere)
    """Import the events of a file. Without `format` it is detected from the file's beginning.

    Raises `Invalid` for an unreadable file, and for one with too many events.
    """
    text = _decoded(data)
    read = await asyncio.to_thread(_read, text, format or _format_of(text), user.timezone)
    result = Imported(problems=[one for one in read if isinstance(one, Problem)])
    rows = _once(read, result.problems)
    pending = iter(rows)
    while batch := list(islice(pending, _AT_A_TIME)):
        await _keep(session, user, batch, result)
    result.problems.sort(key=lambda problem: problem.line)
    return result


def _decoded(data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        raise Invalid(
            f"The file is too large: at most {LARGEST_FILE} bytes.",
            code="file_too_large",
            details={"most_bytes": LARGEST_FILE},
        )
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise Invalid("The file is not text in UTF-8. Save it as UTF-8 and try again.") from None


def _format_of(text: str) -> Format:
    begin = text.lstrip()[:20].upper()
    if begin.startswith("BEGIN:VCALENDAR"):
        return "icalendar"
    return "json" if begin[:1] in {"[", "{"} else "csv"


def _read(text: str, format: Format, timezone: str) -> list[Row | Problem]:  # noqa: A002  (as above)
    readers: dict[Format, Callable[[], Iterable[Row | Problem]]] = {
        "json": lambda: json_rows.rows(text, zone_named(timezone)),
        "csv": lambda: csv_rows.rows(text, zone_named(timezone)),
        "icalendar": lambda: calendar_rows.rows(text, timezone),
    }
    found: list[Row | Problem] = []
    give_up = time.monotonic() + LONGEST_READING
    for row in readers[format]():
        found.append(row)
        if len(found) > MOST_ROWS:
            raise Invalid(
                f"The file has more than {MOST_ROWS} events, occurrences included. Import it in parts.",
                code="too_many_events",
            )
        if time.monotonic() > give_up:  # rules of repetition can be made to take for ever
            raise Invalid("Reading the file takes too long. Import it in parts.", code="too_many_events")
    return found


def _once(read: list[Row | Problem], problems: list[Problem]) -> list[Row]:
    """Return each key once: an equal row is dropped, a contradicting one is reported."""
    rows: dict[str, Row] = {}
    for row in read:
        if isinstance(row, Problem):
            continue
        first = rows.setdefault(row.key, row)
        if first is not row and not row.key.startswith("row:"):
            problems.append(
                Problem(row.line, f"Has the same key as the event in line {first.line}; left out.")
            )
    return list(rows.values())


async def _keep(session: WriteSession, user: User, rows: list[Row], result: Imported) -> None:
    there = await repository.imported(session, user.id, [row.key for row in rows])
    for row in rows:
        event = there.get(row.key)
        if event is None:
            session.add(_write(Event(user_id=user.id, origin=Origin.IMPORTED.value, import_key=row.key), row))
            result.created += 1
        elif event.edited_at is not None:
            result.kept += 1
        elif _is_same(event, row):
            result.unchanged += 1
        else:
            _write(event, row)
            result.updated += 1
    await session.flush()
    session.expunge_all()  # what is written need not be kept in memory, nor looked through again


def _is_same(event: Event, row: Row) -> bool:
    return all(getattr(event, name) == getattr(row, name) for name in _FIELDS) and (
        list(event.objects or ()) == list(row.objects)
    )


def _write(event: Event, row: Row) -> Event:
    for name in _FIELDS:
        setattr(event, name, getattr(row, name))
    event.objects = list(row.objects)
    event.is_described = True
    event.embedding = None
    return event
