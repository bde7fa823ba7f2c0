"""Queries over events. Every one names the user whose rows it may see."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.lifelog.days import DayBounds
from daybook.lifelog.events.models import Event

CANONICAL = (Event.start_time, Event.id)
"""The order of events wherever order matters: in lists, on pages, in the hash of a day."""


def owned(user_id: int) -> Select[Event]:
    """The events of a user."""
    return select(Event).where(Event.user_id == user_id)


async def between(session: AsyncSession, user_id: int, bounds: DayBounds) -> list[Event]:
    """The user's events that begin within `bounds`, in canonical order."""
    return list(await session.scalars(_beginning_in(user_id, bounds.start, bounds.end).order_by(*CANONICAL)))


def _beginning_in(user_id: int, start: datetime, end: datetime) -> Select[Event]:
    return owned(user_id).where(Event.start_time >= start, Event.start_time < end)
