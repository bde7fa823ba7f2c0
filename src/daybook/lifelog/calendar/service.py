"""Days at a glance: what there is of each. It stands above events, recordings and the diary, and asks all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import ARRAY, DateTime, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts.models import User
from daybook.kit.errors import Invalid
from daybook.lifelog.calendar.schemas import CalendarDay
from daybook.lifelog.days import day_bounds, days_between
from daybook.lifelog.diary.models import DiaryPage
from daybook.lifelog.events.models import Event
from daybook.lifelog.recordings.models import Recording
from daybook.storage.service import Store

MOST_DAYS = 400
"""A year and its margins."""

_Table: TypeAlias = type[Event] | type[Recording]


@dataclass(frozen=True, slots=True)
class _Count:
    rows: int
    picture: str | None
    """The first picture of the day."""


async def calendar(
    session: AsyncSession, store: Store, user: User, first: date, last: date
) -> list[CalendarDay]:
    """The person's days from `first` to `last`, both included, of which there is anything.

    Raises `Invalid` for too many days, and for days beyond the calendar.
    """
    if not 0 <= (last - first).days < MOST_DAYS:
        raise Invalid(f"from and to: name at most {MOST_DAYS} days, the first one first.")
    days = list(days_between(first, last))
    bounds = [day_bounds(day, user.timezone) for day in days]
    moments = [*(day.start for day in bounds), bounds[-1].end]
    events = await _by_day(session, Event, user.id, moments)
    recordings = await _by_day(session, Recording, user.id, moments)
    pages = await _days_with_pages(session, user.id, first, last)
    return [
        await _day(day, events.get(number), recordings.get(number), store, has_diary=day in pages)
        for number, day in enumerate(days, 1)
        if number in events or number in recordings or day in pages
    ]


async def _by_day(
    session: AsyncSession, table: _Table, user_id: int, moments: Sequence[datetime]
) -> dict[int, _Count]:
    """How many rows begin on which day, counted from 1, in one look at the index. `moments` are the midnights.

    PostgreSQL is told the midnights, and not the timezone: what a timezone's rules are is known in one place only.
    """
    midnights = bindparam("midnights", list(moments), type_=ARRAY(DateTime(timezone=True)))
    number = func.width_bucket(table.start_time, midnights)
    picture = func.array_agg(aggregate_order_by(table.thumbnail_s3_key, table.start_time, table.id))
    query = (
        select(number, func.count(), picture.filter(table.thumbnail_s3_key.is_not(None))[1])
        .where(table.user_id == user_id, table.start_time >= moments[0], table.start_time < moments[-1])
        .group_by(number)
    )
    return {day: _Count(rows, key) for day, rows, key in await session.execute(query)}


async def _days_with_pages(session: AsyncSession, user_id: int, first: date, last: date) -> set[date]:
    query = select(DiaryPage.diary_date).where(
        DiaryPage.user_id == user_id,
        DiaryPage.diary_date.between(first, last),
        or_(DiaryPage.version > 0, DiaryPage.own_text.is_not(None)),
    )
    return set(await session.scalars(query))


async def _day(
    day: date, events: _Count | None, recordings: _Count | None, store: Store, *, has_diary: bool
) -> CalendarDay:
    picture = next((count.picture for count in (recordings, events) if count and count.picture), None)
    return CalendarDay(
        date=day,
        events=events.rows if events else 0,
        recordings=recordings.rows if recordings else 0,
        has_diary=has_diary,
        thumbnail_url=None if picture is None else await store.link(picture),
    )
