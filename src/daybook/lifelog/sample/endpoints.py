"""The API of the sample day."""

from datetime import date

from fastapi import APIRouter, status

from daybook.accounts.access import CurrentUser
from daybook.db.dependencies import Reading, Writing
from daybook.kit.schemas import ResponseModel
from daybook.lifelog.day_fields import IsoDay
from daybook.lifelog.sample import service

router = APIRouter(prefix="/api/v1/sample-days", tags=["events"])


class SampleDayResponse(ResponseModel):
    """A day with the sample's events."""

    day: date
    events: int
    language: str


@router.get("")
async def list_sample_days(user: CurrentUser, session: Reading) -> list[date]:
    """List your days with events of the sample, newest first."""
    return await service.sample_days(session, user)


@router.put("/{day}")
async def make_sample_day(day: IsoDay, user: CurrentUser, session: Writing) -> SampleDayResponse:
    """Add the sample's described events to one of your days. Repeating it duplicates nothing."""
    return SampleDayResponse.model_validate(await service.make_sample_day(session, user, day))


@router.delete("/{day}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_sample_day(day: IsoDay, user: CurrentUser, session: Writing) -> None:
    """Remove the sample's events from a day, with a page that was written from nothing else."""
    await service.remove_sample_day(session, user, day)
