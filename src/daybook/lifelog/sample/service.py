"""Adding and removing the sample day's events.

They are imported events with keys of their own, so that adding them again duplicates nothing.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from daybook.accounts.models import User
from daybook.db.engine import ReadSession, WriteSession
from daybook.lifelog.diary import service as diary
from daybook.lifelog.events import repository as events
from daybook.lifelog.events.imports.service import import_events
from daybook.lifelog.script import script_of_language

_KEY = "sample"


@dataclass(frozen=True, slots=True)
class SampleDay:
    """A day with the sample's events."""

    day: date
    events: int
    language: str


async def make_sample_day(session: WriteSession, user: User, day: date) -> SampleDay:
    """Add the sample's events to `day`, in the user's language if available. Edited events are kept."""
    language = _language_of(user)
    sample = _events(language)
    rows = [
        {
            **{name: value for name, value in event.items() if name != "at"},
            "key": f"{_KEY}:{day}:{number}",
            "start_time": f"{day}T{event['at']}:00",
        }
        for number, event in enumerate(sample)
    ]
    await import_events(session, user, orjson.dumps(rows), "json")
    return SampleDay(day, len(rows), language)


async def sample_days(session: ReadSession, user: User) -> list[date]:
    """The days that have events of the sample, newest first."""
    keys = await events.import_keys(session, user.id, f"key:{_KEY}:")
    return sorted({date.fromisoformat(key.split(":")[2]) for key in keys}, reverse=True)


async def remove_sample_day(session: WriteSession, user: User, day: date) -> None:
    """Remove the sample's events from `day`, edited ones too, and a page that was written from nothing else.

    A page with the user's own text stays.
    """
    gone = await events.delete_imported(session, user.id, f"key:{_KEY}:{day}:")
    await diary.forget_page(session, user, day, gone)


def _language_of(user: User) -> str:
    chosen = str((user.settings or {}).get("language") or "en")
    script = script_of_language(chosen)
    return "en" if script is None else f"zh-{script}"


@cache
def _events(language: str) -> list[dict[str, Any]]:
    """The events: when (local time), how long, what and where."""
    return orjson.loads((files("daybook.lifelog.sample") / f"{language}.json").read_bytes())
