"""Overview of days: the events, recordings and page of each. It reads all three domains and is imported by none."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts.models import User
from daybook.kit.errors import Invalid
from daybook.lifelog.calendar import repository
from daybook.lifelog.calendar.repository import DayCount
from daybook.lifelog.calendar.schemas import CalendarDay
from daybook.lifelog.days import day_bounds, days_between
from daybook.lifelog.events.models import Event
from daybook.lifelog.recordings.models import Recording
from daybook.storage.service import Store

MOST_DAYS = 400
"""A year and its margins."""


async def calendar(
    session: AsyncSession, store: Store, user: User, first: date, last: date
) -> list[CalendarDay]:
    """Return the user's days from `first` to `last` (included) that have contents.

    Raises `Invalid` for too many days, and for days beyond the calendar.
    """
    if not 0 <= (last - first).days < MOST_DAYS:
        raise Invalid(f"from and to: name at most {MOST_DAYS} days, the first one first.")
    days = list(days_between(first, last))
    bounds = [day_bounds(day, user.timezone) for day in days]
    moments = [*(day.start for day in bounds), bounds[-1].end]
    events = await repository.by_day(session, Event, user.id, moments)
    recordings = await repository.by_day(session, Recording, user.id, moments)
    pages = await repository.days_with_pages(session, user.id, first, last)
    return [
        await _day(day, events.get(number), recordings.get(number), store, has_diary=day in pages)
        for number, day in enumerate(days, 1)
        if number in events or number in recordings or day in pages
    ]


async def _day(
    day: date, events: DayCount | None, recordings: DayCount | None, store: Store, *, has_diary: bool
) -> CalendarDay:
    picture = next((count.picture for count in (recordings, events) if count and count.picture), None)
    return CalendarDay(
        date=day,
        events=events.rows if events else 0,
        recordings=recordings.rows if recordings else 0,
        has_diary=has_diary,
        thumbnail_url=None if picture is None else await store.link(picture),
    )
