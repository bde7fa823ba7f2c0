"""Queries for the calendar, over events, recordings and pages of one user."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ARRAY, DateTime, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.lifelog.diary.models import DiaryPage
from daybook.lifelog.events.models import Event
from daybook.lifelog.recordings.models import Recording


@dataclass(frozen=True, slots=True)
class DayCount:
    """Number of rows of a day and the key of its first picture."""

    rows: int
    picture: str | None


async def by_day(
    session: AsyncSession,
    table: type[Event] | type[Recording],
    user_id: int,
    midnights: Sequence[datetime],
) -> dict[int, DayCount]:
    """Count the rows that begin on each day, numbered from 1, in one index scan.

    PostgreSQL gets the midnights instead of the timezone, so that one place only knows timezone rules.
    """
    bounds = bindparam("midnights", list(midnights), type_=ARRAY(DateTime(timezone=True)))
    number = func.width_bucket(table.start_time, bounds)
    picture = func.array_agg(aggregate_order_by(table.thumbnail_s3_key, table.start_time, table.id))
    query = (
        select(number, func.count(), picture.filter(table.thumbnail_s3_key.is_not(None))[1])
        .where(table.user_id == user_id, table.start_time >= midnights[0], table.start_time < midnights[-1])
        .group_by(number)
    )
    return {day: DayCount(rows, key) for day, rows, key in await session.execute(query)}


async def days_with_pages(session: AsyncSession, user_id: int, first: date, last: date) -> set[date]:
    """Return the days with a page, written by a model or by the user."""
    query = select(DiaryPage.diary_date).where(
        DiaryPage.user_id == user_id,
        DiaryPage.diary_date.between(first, last),
        or_(DiaryPage.version > 0, DiaryPage.own_text.is_not(None)),
    )
    return set(await session.scalars(query))
