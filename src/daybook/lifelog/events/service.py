"""Events as the rest of Daybook meets them."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.lifelog.days import day_bounds
from daybook.lifelog.events import repository
from daybook.lifelog.events.models import Event


async def of_day(session: AsyncSession, user_id: int, day: date, timezone: str) -> list[Event]:
    """The events that begin on the user's `day`, in canonical order: by `start_time`, then by `id`.

    An event that runs over midnight belongs to the day on which it begins; one without a time to none.
    """
    return await repository.between(session, user_id, day_bounds(day, timezone))
