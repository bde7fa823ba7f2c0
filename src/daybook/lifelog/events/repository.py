"""Queries over events. Each is limited to one user's rows."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Select, cast, delete, func, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.lifelog.days import DayBounds
from daybook.lifelog.events.models import Event, Origin
from daybook.lifelog.recordings.models import Recording

Events: TypeAlias = Select[Event]

CANONICAL = (Event.start_time, Event.id)
"""The order of events in lists, on pages and in the hash of a day."""


def owned(user_id: int) -> Events:
    """The events of a user."""
    return select(Event).where(Event.user_id == user_id)


def beginning_in(events: Events, start: datetime | None, end: datetime | None) -> Events:
    """Select events that begin at `start` or later, and before `end`."""
    if start is not None:
        events = events.where(Event.start_time >= start)
    return events if end is None else events.where(Event.start_time < end)


def found_by(events: Events, query: str) -> tuple[Events, tuple[object, ...]]:
    """Select events that match `query` (a `tsquery`), with an order by rank."""
    sought = cast(query, TSQUERY)
    rank = func.ts_rank(Event.search, sought)
    return events.where(Event.search.bool_op("@@")(sought)), (rank.desc(), Event.start_time.desc(), Event.id)


def in_file(file_id: UUID) -> ColumnElement[bool]:
    """Condition: the event was measured in a file. Add the recording to use its index."""
    return Event.facts["file_id"].astext == str(file_id)


async def between(session: AsyncSession, user_id: int, bounds: DayBounds) -> list[Event]:
    """Return the user's events that begin within `bounds`, in canonical order."""
    events = beginning_in(owned(user_id), bounds.start, bounds.end)
    return list(await session.scalars(events.order_by(*CANONICAL)))


async def one(session: AsyncSession, user_id: int, event_id: UUID, *, lock: bool = False) -> Event | None:
    """An event of the user."""
    query = owned(user_id).where(Event.id == event_id)
    return await session.scalar(query.with_for_update() if lock else query)


async def several(session: AsyncSession, user_id: int, ids: Sequence[UUID]) -> list[Event]:
    """Return the user's events of `ids` in canonical order. They are locked by id to prevent deadlocks."""
    rows = await session.scalars(owned(user_id).where(Event.id.in_(ids)).order_by(Event.id).with_for_update())
    return sorted(rows, key=canonical)


async def length_of_recording(session: AsyncSession, event: Event) -> float | None:
    """Return the seconds of the event's recording."""
    return await session.scalar(select(Recording.duration).where(Recording.id == event.recording_id))


def canonical(event: Event) -> tuple[bool, datetime | None, UUID]:
    """Return the sort key of `CANONICAL` for loaded rows."""
    return (event.start_time is None, event.start_time, event.id)


async def page_of(
    session: AsyncSession, events: Events, order: Sequence[object], *, page: int, page_size: int
) -> tuple[list[Event], int]:
    """Return one page of `events`, and their total number."""
    total = await session.scalar(select(func.count()).select_from(events.subquery()))
    rows = await session.scalars(
        events.order_by(*order).offset((page - 1) * page_size).limit(page_size)  # pyright: ignore[reportArgumentType]  (columns)
    )
    return list(rows), total or 0


async def measured_in(session: AsyncSession, user_id: int, recording_id: UUID, file_id: UUID) -> list[Event]:
    """Return the events that were measured in a file of a recording, locked."""
    events = owned(user_id).where(Event.recording_id == recording_id, in_file(file_id))
    return list(await session.scalars(events.order_by(Event.id).with_for_update()))


async def without_picture(
    session: AsyncSession, user_id: int, recording_id: UUID, file_id: UUID, limit: int
) -> list[Event]:
    """Return at most `limit` events of a file that have no picture, in canonical order."""
    events = owned(user_id).where(
        Event.recording_id == recording_id, in_file(file_id), Event.thumbnail_s3_key.is_(None)
    )
    return list(await session.scalars(events.order_by(*CANONICAL).limit(limit)))


async def imported(session: AsyncSession, user_id: int, keys: Sequence[str]) -> dict[str, Event]:
    """Return the events that were imported under these keys, locked."""
    events = owned(user_id).where(Event.import_key.in_(keys)).order_by(Event.id).with_for_update()
    return {event.import_key: event for event in await session.scalars(events) if event.import_key}


async def import_keys(session: AsyncSession, user_id: int, prefix: str) -> list[str]:
    """Return the import keys of the user that begin with `prefix`."""
    keys = select(Event.import_key).where(*_imported_as(user_id, prefix))
    return [key for key in await session.scalars(keys) if key]


async def delete_imported(session: AsyncSession, user_id: int, prefix: str) -> Sequence[UUID]:
    """Delete the events whose import key begins with `prefix`. Returns their ids."""
    deleted = delete(Event).where(*_imported_as(user_id, prefix)).returning(Event.id)
    return (await session.scalars(deleted)).all()


def describable(user_id: int, *, again: bool) -> Events:
    """Select the events that a model may describe: extracted, not edited and, unless `again`, not described."""
    events = owned(user_id).where(
        Event.origin == Origin.EXTRACTED.value,
        Event.edited_at.is_(None),
        Event.recording_id.is_not(None),
        Event.facts["file_id"].astext.is_not(None),
    )
    return events if again else events.where(Event.is_described.is_(False))


async def describable_in(
    session: AsyncSession,
    user_id: int,
    *,
    again: bool,
    bounds: DayBounds | None = None,
    recording_id: UUID | None = None,
    file_id: UUID | None = None,
) -> list[Event]:
    """Return the describable events of a day, a recording or a file, in canonical order."""
    events = describable(user_id, again=again)
    if bounds is not None:
        events = beginning_in(events, bounds.start, bounds.end)
    if recording_id is not None:
        events = events.where(Event.recording_id == recording_id)
    if file_id is not None:
        events = events.where(in_file(file_id))
    return list(await session.scalars(events.order_by(*CANONICAL)))


async def describable_among(
    session: AsyncSession, user_id: int, ids: Collection[UUID], *, again: bool, lock: bool = False
) -> list[Event]:
    """Return the events of `ids` that are still describable, by id; locked if `lock`."""
    events = describable(user_id, again=again).where(Event.id.in_(ids)).order_by(Event.id)
    return list(await session.scalars(events.with_for_update() if lock else events))


def _imported_as(user_id: int, prefix: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Event.user_id == user_id, Event.import_key.startswith(prefix, autoescape=True)
