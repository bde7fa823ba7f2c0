"""The diary's API."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response, status

from daybook.accounts.access import CurrentUser
from daybook.db.dependencies import Reading, Writing
from daybook.kit.pagination import Page, PageNumber, PageSize
from daybook.lifelog.day_fields import IsoDay
from daybook.lifelog.diary import service
from daybook.lifelog.diary.schemas import (
    DiaryEntryResponse,
    DiaryResponse,
    DiaryVersionDetailResponse,
    DiaryVersionResponse,
    GenerationRequest,
    GenerationResponse,
    OwnTextRequest,
    VersionNumber,
)

router = APIRouter(prefix="/api/v1/diary", tags=["diary"])

Day = Annotated[IsoDay, Path(description="A day in your timezone: 2026-11-20.")]

_ACCEPTED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": DiaryResponse,
        "description": "The existing page: its events are unchanged. No model was called.",
    },
    202: {
        "model": GenerationResponse,
        "description": "A job writes the page; follow it at `Location`.",
    },
}


@router.get("")
async def list_diary_pages(
    user: CurrentUser,
    session: Reading,
    first: Annotated[IsoDay, Query(alias="from", description="The first day.")],
    last: Annotated[IsoDay, Query(alias="to", description="The last day, which is included.")],
    page: PageNumber = 1,
    page_size: PageSize = 31,
) -> Page[DiaryEntryResponse]:
    """List pages from one day to another, newest day first."""
    return await service.list_pages(session, user, first, last, page=page, page_size=page_size)


@router.get("/{date}")
async def get_diary_page(date: Day, user: CurrentUser, session: Reading) -> DiaryResponse:
    """Return a day's page: text, cited events, whether they have changed, and your own text."""
    return await service.get_page(session, user, date)


@router.post("/{date}/generation", responses=_ACCEPTED)
async def generate_diary_page(
    date: Day, user: CurrentUser, session: Writing, response: Response, body: GenerationRequest | None = None
) -> DiaryResponse | GenerationResponse:
    """Have a page written. If its events are unchanged, the existing page is returned, unless forced."""
    force = body is not None and body.force_refresh
    requested = await service.request_page(session, user, date, force=force)
    if requested.page is not None:
        return requested.page
    response.status_code = status.HTTP_202_ACCEPTED
    response.headers["Location"] = f"/api/v1/jobs/{requested.job_id}"
    return GenerationResponse.model_validate({"job_id": requested.job_id})


@router.get("/{date}/versions")
async def list_diary_versions(date: Day, user: CurrentUser, session: Reading) -> list[DiaryVersionResponse]:
    """List all versions of a page, newest first."""
    return await service.list_versions(session, user, date)


@router.get("/{date}/versions/{version}")
async def get_diary_version(
    date: Day, version: VersionNumber, user: CurrentUser, session: Reading
) -> DiaryVersionDetailResponse:
    """Return one version of a page."""
    return await service.get_version(session, user, date, version)


@router.put("/{date}/own-text")
async def set_own_diary_text(
    date: Day, body: OwnTextRequest, user: CurrentUser, session: Writing
) -> DiaryResponse:
    """Keep your own text beside the written page. No version replaces it."""
    return await service.set_own_text(session, user, date, body)
