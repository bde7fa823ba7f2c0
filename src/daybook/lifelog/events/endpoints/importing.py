"""Importing events from files."""

from typing import Any

from fastapi import APIRouter, Request

from daybook.accounts.access import CurrentUser
from daybook.db.dependencies import Writing
from daybook.lifelog.events.imports import service
from daybook.lifelog.events.imports.schemas import ImportResponse
from daybook.lifelog.events.imports.service import Format

router = APIRouter(prefix="/api/v1/events", tags=["events"])

_FORMATS: dict[str, Format] = {
    "application/json": "json",
    "text/csv": "csv",
    "text/calendar": "icalendar",
}
_TEXT = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": dict.fromkeys([*_FORMATS, "application/octet-stream"], _TEXT),
    }
}


@router.post("/import", openapi_extra=_BODY)
async def import_events(
    request: Request,
    user: CurrentUser,
    session: Writing,
    format: Format | None = None,  # noqa: A002  (its name everywhere)
) -> ImportResponse:
    """Import events from a JSON, CSV or iCalendar file, sent as the body. Problems are reported line by line."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    data = await request.body()
    imported = await service.import_events(session, user, data, format or _FORMATS.get(content_type))
    return ImportResponse.of(imported)
