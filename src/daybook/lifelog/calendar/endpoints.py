"""Overview of days."""

from typing import Annotated

from fastapi import APIRouter, Query

from daybook.accounts.access import CurrentUser
from daybook.db.dependencies import Reading
from daybook.lifelog.calendar import service
from daybook.lifelog.calendar.schemas import CalendarResponse
from daybook.lifelog.day_fields import IsoDay
from daybook.storage.dependencies import AppStore

router = APIRouter(prefix="/api/v1/days", tags=["days"])


@router.get("")
async def list_days(
    user: CurrentUser,
    session: Reading,
    store: AppStore,
    first: Annotated[IsoDay, Query(alias="from", description="First day.")],
    last: Annotated[IsoDay, Query(alias="to", description="Last day, which is included; at most 400 days.")],
) -> CalendarResponse:
    """List the days with events, recordings or a page."""
    days = await service.calendar(session, store, user, first, last)
    return CalendarResponse(timezone=user.timezone, days=days)
