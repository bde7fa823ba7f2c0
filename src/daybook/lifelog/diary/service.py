"""Pages of the diary: read, asked for, and the person's own text beside them."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from daybook.accounts.models import User
from daybook.db.engine import ReadSession, WriteSession
from daybook.kit.pages import Page
from daybook.lifelog.diary.schemas import (
    DiaryEntry,
    DiaryVersionEntry,
    DiaryVersionView,
    DiaryView,
    OwnTextBody,
)

JOB_TYPE = "diary_generation"


@dataclass(frozen=True, slots=True)
class Requested:
    """What asking for a page gave: the page that is there, or the job that writes it."""

    page: DiaryView | None
    job_id: UUID | None


async def request_page(session: WriteSession, user: User, day: date, *, force: bool = False) -> Requested:
    """The stored page where the day's events are those that it was written from, else a job that writes it."""
    raise NotImplementedError


async def get_page(session: ReadSession | WriteSession, user: User, day: date) -> DiaryView:
    """A day's page, whether anything has been written or not."""
    raise NotImplementedError


async def list_pages(
    session: ReadSession, user: User, first: date, last: date, *, page: int = 1, page_size: int = 31
) -> Page[DiaryEntry]:
    """The pages from `first` to `last`, newest first."""
    raise NotImplementedError


async def list_versions(session: ReadSession, user: User, day: date) -> list[DiaryVersionEntry]:
    """Every writing of a page, newest first."""
    raise NotImplementedError


async def get_version(session: ReadSession, user: User, day: date, version: int) -> DiaryVersionView:
    """One writing of a page. Raises `NotFound`."""
    raise NotImplementedError


async def set_own_text(session: WriteSession, user: User, day: date, body: OwnTextBody) -> DiaryView:
    """Keep the person's own text beside what is written. Raises `Invalid` or `NotFound`."""
    raise NotImplementedError
