"""Selection of the events to describe, and writing of the descriptions. The user's own words are not changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.lifelog.days import day_bounds
from daybook.lifelog.events import repository
from daybook.lifelog.events.description.answer_parsing import Description
from daybook.lifelog.events.facts import Facts
from daybook.lifelog.events.models import Event
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.script import in_script

SHORTEST_ACTION = 1.0
"""Seconds. A shorter action counts as the whole segment."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Events to describe: of a recording, one of its files, or a day. With `again` also those described before, unless
    the user changed them.
    """

    recording_id: UUID | None = None
    file_id: UUID | None = None
    day: date | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """An event to describe, with its segment of a file in seconds."""

    event_id: UUID
    file_id: UUID
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length."""
        return self.end - self.start


Described: TypeAlias = dict[UUID, Description]


async def targets_of(session: AsyncSession, user: User, selection: Selection) -> list[list[Target]]:
    """Return the events to describe, grouped by file and in order."""
    events = await repository.describable_in(
        session,
        user.id,
        again=selection.again,
        bounds=selection.day and day_bounds(selection.day, user.timezone),
        recording_id=selection.recording_id,
        file_id=selection.file_id,
    )
    files: dict[UUID, list[Target]] = {}
    for event in events:
        if (target := _target(event)) is not None:
            files.setdefault(target.file_id, []).append(target)
    return [sorted(file, key=lambda target: target.start) for file in files.values()]


async def still_open(session: AsyncSession, user: User, ids: Sequence[UUID], *, again: bool) -> list[Target]:
    """Return those of the events that are still to be described."""
    events = await repository.describable_among(session, user.id, ids, again=again)
    found = [_target(event) for event in events]
    return [target for target in found if target is not None]


async def write_descriptions(
    session: WriteSession, user: User, file_id: UUID, said: Described, *, again: bool
) -> int:
    """Write descriptions into the events of a file that are still open. Returns their number."""
    place = await recordings.placement_of(session, file_id)
    if place is None:
        return 0
    events = await repository.describable_among(session, user.id, said, again=again, lock=True)
    language = (user.settings or {}).get("language") or ""
    written = 0
    for event in events:
        target = _target(event)
        if target is None:
            continue
        _write(event, said[event.id], language)
        start, duration = clipped(said[event.id], target.seconds)
        offset = place.starts_at + target.start + start
        event.start_offset = offset
        event.start_time = place.start_time + timedelta(seconds=offset)
        event.duration = duration
        written += 1
    await session.flush()
    return written


def clipped(said: Description, seconds: float) -> tuple[float, float]:
    """Return start and length of the action within its segment; the whole segment if they are implausible."""
    begin = min(said.start_time, seconds)
    end = min(begin + said.duration, seconds)
    if end - begin < min(SHORTEST_ACTION, seconds):
        return 0.0, seconds
    return begin, end - begin


def _target(event: Event) -> Target | None:
    facts = Facts.of(event.facts)
    if facts is None or facts.file_id is None or facts.start is None or facts.end is None:
        return None
    return Target(event.id, facts.file_id, facts.start, facts.end)


def _write(event: Event, said: Description, language: str) -> None:
    words: dict[str, Any] = {
        name: in_script(text, language) or None
        for name, text in (("action", said.action), ("scene", said.scene), ("summary", said.summary))
    }
    for name, text in words.items():
        setattr(event, name, text)
    event.objects = [in_script(thing, language) for thing in said.objects]
    event.is_described = True
    event.embedding = None
