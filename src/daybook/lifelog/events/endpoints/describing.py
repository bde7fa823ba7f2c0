"""Description and extraction of events."""

from uuid import UUID

from fastapi import APIRouter, status

from daybook.accounts.access import AppSettings, CurrentUser
from daybook.db.dependencies import Reading, Writing
from daybook.lifelog.day_fields import IsoDay
from daybook.lifelog.events.description import service
from daybook.lifelog.events.description.schemas import (
    DescriptionEstimateResponse,
    DescriptionRequest,
    JobAcceptedResponse,
    JobsAcceptedResponse,
)
from daybook.lifelog.events.description.targets import Selection

router = APIRouter(prefix="/api/v1", tags=["events"])


@router.get("/recordings/{recording_id}/description-estimate")
async def estimate_recording_description(
    recording_id: UUID, user: CurrentUser, session: Reading, settings: AppSettings, again: bool = False
) -> DescriptionEstimateResponse:
    """Estimate the cost of describing a recording's events."""
    return await service.estimate(session, user, settings, Selection(recording_id=recording_id, again=again))


@router.post("/recordings/{recording_id}/description", status_code=status.HTTP_202_ACCEPTED)
async def describe_recording(
    recording_id: UUID, body: DescriptionRequest, user: CurrentUser, session: Writing, settings: AppSettings
) -> JobAcceptedResponse:
    """Describe a recording's events that are not described yet."""
    selection = Selection(recording_id=recording_id, again=body.again)
    return JobAcceptedResponse(job_id=await service.request_description(session, user, settings, selection))


@router.post("/recordings/{recording_id}/extraction", status_code=status.HTTP_202_ACCEPTED)
async def extract_recording(recording_id: UUID, user: CurrentUser, session: Writing) -> JobsAcceptedResponse:
    """Extract a recording's events again. Events that you changed stay; unchanged ones keep their description."""
    return JobsAcceptedResponse(job_ids=await service.request_extraction(session, user, recording_id))


@router.get("/days/{day}/description-estimate")
async def estimate_day_description(
    day: IsoDay, user: CurrentUser, session: Reading, settings: AppSettings, again: bool = False
) -> DescriptionEstimateResponse:
    """Estimate the cost of describing a day's events."""
    return await service.estimate(session, user, settings, Selection(day=day, again=again))


@router.post("/days/{day}/description", status_code=status.HTTP_202_ACCEPTED)
async def describe_day(
    day: IsoDay, body: DescriptionRequest, user: CurrentUser, session: Writing, settings: AppSettings
) -> JobAcceptedResponse:
    """Describe a day's events that are not described yet."""
    selection = Selection(day=day, again=body.again)
    return JobAcceptedResponse(job_id=await service.request_description(session, user, settings, selection))
