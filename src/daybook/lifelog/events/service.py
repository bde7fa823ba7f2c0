"""Events: reading, creating, changing and deleting.

An event that the user changed has `edited_at`, and no job changes it again.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.kit.clock import now
from daybook.kit.errors import Invalid
from daybook.kit.pagination import Page
from daybook.lifelog.days import day_bounds, zone_named
from daybook.lifelog.events import repository, search
from daybook.lifelog.events.errors import NoSuchEvent
from daybook.lifelog.events.models import Event, Origin
from daybook.lifelog.events.schemas import EventCreate, EventUpdate


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Filter of events. Days are in the user's timezone, and `last` is included."""

    first: date | None = None
    last: date | None = None
    recording_id: UUID | None = None
    text: str = ""
    is_described: bool | None = None


async def of_day(session: AsyncSession, user_id: int, day: date, timezone: str) -> list[Event]:
    """Return the events that begin on the user's `day`, in canonical order: by `start_time`, then by `id`.

    An event that runs over midnight belongs to the day on which it begins; one without a time to none.
    """
    return await repository.between(session, user_id, day_bounds(day, timezone))


async def list_events(
    session: AsyncSession, user: User, wanted: EventFilter, *, page: int = 1, page_size: int = 50
) -> Page[Event]:
    """Return the user's events in canonical order; by rank if the filter has text."""
    events = repository.beginning_in(
        repository.owned(user.id),
        wanted.first and day_bounds(wanted.first, user.timezone).start,
        wanted.last and day_bounds(wanted.last, user.timezone).end,
    )
    order: tuple[object, ...] = repository.CANONICAL
    if wanted.recording_id is not None:
        events = events.where(Event.recording_id == wanted.recording_id)
    if wanted.is_described is not None:
        events = events.where(Event.is_described.is_(wanted.is_described))
    if wanted.text:
        query = search.query(wanted.text)
        if not query:
            return Page[Event].of([], page=page, page_size=page_size, total=0)
        events, order = repository.found_by(events, query)
    rows, total = await repository.page_of(session, events, order, page=page, page_size=page_size)
    return Page[Event].of(rows, page=page, page_size=page_size, total=total)


async def get_event(session: AsyncSession, user: User, event_id: UUID, *, lock: bool = False) -> Event:
    """Return an event of the user. Raises `NoSuchEvent`."""
    event = await repository.one(session, user.id, event_id, lock=lock)
    if event is None:
        raise NoSuchEvent
    return event


async def create_event(session: WriteSession, user: User, body: EventCreate) -> Event:
    """Create an event of the user. Raises `Invalid` without any text."""
    values = _values(body, user)
    if not any(values.get(name) for name in ("action", "scene", "summary", "objects")):
        raise Invalid("Say something about the event: action, scene, summary or objects.", code="empty_event")
    event = Event(user_id=user.id, origin=Origin.MANUAL.value, is_described=True, **values)
    session.add(event)
    await session.flush()
    return event


async def update_event(session: WriteSession, user: User, event_id: UUID, body: EventUpdate) -> Event:
    """Change an event; from now on it is the user's, and no job changes it.

    A changed time moves an event of a recording within it. Raises `NoSuchEvent`, or `Invalid` if it would have no time
    or lie outside its recording.
    """
    event = await get_event(session, user, event_id, lock=True)
    values = _values(body, user)
    if not values:
        return event
    if "start_time" in values:
        await _move(session, event, values.pop("start_time"))
    for name, value in values.items():
        setattr(event, name, value)
    if values.keys() & {"action", "scene", "summary", "objects"}:
        event.is_described = True
        event.embedding = None
    event.edited_at = now()
    await session.flush()
    return event


async def delete_event(session: WriteSession, user: User, event_id: UUID) -> str | None:
    """Delete an event. Returns the key of its picture, which the caller deletes after the commit."""
    event = await get_event(session, user, event_id, lock=True)
    await session.delete(event)
    await session.flush()
    return event.thumbnail_s3_key


def as_utc(moment: datetime, timezone: str) -> datetime:
    """Return `moment` in UTC; without an offset it is local time in `timezone`."""
    zone = zone_named(timezone)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _values(body: EventCreate | EventUpdate, user: User) -> dict[str, Any]:
    """Return the fields that were sent, as stored."""
    values = {name: getattr(body, name) for name in body.model_fields_set}
    if values.get("start_time") is not None:
        values["start_time"] = as_utc(values["start_time"], user.timezone)
    return values


async def _move(session: WriteSession, event: Event, start_time: datetime | None) -> None:
    if start_time is None:
        raise Invalid("start_time: an event needs a time.", code="event_without_time")
    if event.start_offset is not None and event.start_time is not None:
        offset = event.start_offset + (start_time - event.start_time).total_seconds()
        length = await repository.length_of_recording(session, event)
        if not 0 <= offset < (length or 0):
            raise Invalid(
                "start_time: lies outside the event's recording. "
                "If the camera's clock was wrong, correct the recording's time.",
                code="outside_recording",
            )
        event.start_offset = offset
    event.start_time = start_time
