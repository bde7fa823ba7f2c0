"""Requests and responses of the diary's API."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel

from daybook.jobs.schemas import ErrorDetails
from daybook.kit.schemas import RequestModel, ResponseModel

LONGEST_OWN_TEXT = 100_000
"""Characters of a user's own text of a day."""

VersionNumber = Annotated[int, Ge(1), Le(2**31 - 1)]


class Citation(BaseModel):
    """A sentence of a page and its events."""

    text: str
    events: list[UUID]
    paragraph: int
    """From 0."""
    own_words: bool = False
    """True if it is the event's own text, for lack of a better sentence."""


class DiaryJobResponse(BaseModel):
    """The job that writes a page, or the last one that failed to."""

    id: UUID
    status: str
    phase: str | None
    progress: float
    error_code: str | None
    error_message: str | None
    error_details: ErrorDetails


class DiaryResponse(BaseModel):
    """A day's page. If nothing has been written, `version` is 0 and `content` is null."""

    date: date
    content: str | None
    citations: list[Citation]
    version: int
    """Number of versions."""
    language: str | None
    tone: str | None
    model: str | None
    is_demo: bool
    passed_over: str | None
    """The preferred model, if it could not be used and another one wrote `content`."""
    events_hash: str | None
    events_count: int
    """Current number of events of the day."""
    is_stale: bool
    """True if the day's events have changed since `content` was written."""
    own_text: str | None
    own_text_updated_at: datetime | None
    written_at: datetime | None
    job: DiaryJobResponse | None
    """The active job, else the last one if it failed after `content` was written."""


class DiaryEntryResponse(BaseModel):
    """A page in a list."""

    date: date
    version: int
    excerpt: str | None
    """The beginning of the user's own text, else of the written one."""
    has_own_text: bool
    is_demo: bool
    is_stale: bool
    written_at: datetime | None


class DiaryVersionResponse(ResponseModel):
    """One version of a page, in a list."""

    version: int
    events_hash: str
    language: str
    tone: str | None
    model: str | None
    is_demo: bool
    job_id: UUID | None
    created_at: datetime


class DiaryVersionDetailResponse(DiaryVersionResponse):
    """One version of a page with its text."""

    content: str
    citations: list[Citation]


class GenerationRequest(RequestModel):
    """A request to write a page."""

    force_refresh: bool = False


class GenerationResponse(BaseModel):
    """The job that writes the page; follow it at `/api/v1/jobs/{job_id}`."""

    job_id: UUID


class OwnTextRequest(RequestModel):
    """The user's own text of a day. `version` instead of `text` copies that version's text."""

    text: Annotated[str, MaxLen(LONGEST_OWN_TEXT)] | None = None
    version: VersionNumber | None = None
