"""Diary pages: reading, requesting, and the user's own text."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts.models import User
from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import Job, JobStatus
from daybook.jobs import service as jobs
from daybook.kit.clock import now
from daybook.kit.errors import Conflict, Invalid, NotFound
from daybook.kit.pagination import Page
from daybook.kit.text import storable
from daybook.lifelog.days import zone_named
from daybook.lifelog.diary import repository
from daybook.lifelog.diary.hashing import events_hash
from daybook.lifelog.diary.models import DiaryPage, DiaryVersion
from daybook.lifelog.diary.schemas import (
    LONGEST_OWN_TEXT,
    Citation,
    DiaryEntryResponse,
    DiaryJobResponse,
    DiaryResponse,
    DiaryVersionDetailResponse,
    DiaryVersionResponse,
    OwnTextRequest,
)
from daybook.lifelog.events import service as events

JOB_TYPE = "diary_generation"
PASSED_OVER = "passed_over_model"
"""Job metric with the preferred model that could not be used."""
LONGEST_EXCERPT = 280
"""Characters."""
MOST_DAYS = 3660
"""Maximum range of a list."""

_TRIES = 5
_ACTIVE = {JobStatus.PENDING, JobStatus.PROCESSING}


@dataclass(frozen=True, slots=True)
class Requested:
    """Result of a request for a page: the existing page, or the job that writes it."""

    page: DiaryResponse | None
    job_id: UUID | None


async def request_page(session: WriteSession, user: User, day: date, *, force: bool = False) -> Requested:
    """Return the stored page if its events are unchanged and it is not forced, else a job that writes it.

    Until that job has saved its page, all requests share it; a forced one makes it write in any case.
    """
    if not force and await _is_written(session, user, day):
        return Requested(await get_page(session, user, day), None)
    for _ in range(_TRIES):
        requested = await _request(session, user, day, force=force)
        if requested is not None:
            return requested
    raise Conflict("This page is being written by other requests; try again in a moment.", code="busy")


async def _request(session: WriteSession, user: User, day: date, *, force: bool) -> Requested | None:
    """As `request_page`; None if the job saved its page between two statements."""
    async with session.begin_nested() as attempt:
        enqueued = await jobs.enqueue(
            session,
            type=JOB_TYPE,
            input_type="diary",
            input_url=day.isoformat(),
            user_id=user.id,
            params={"user_id": user.id, "diary_date": day.isoformat(), "force_refresh": force},
            subject=_subject(user, day),
        )
        # Between the look and the enqueuing another job may have written the page: one page, one charge.
        is_written = enqueued.is_new and not force and await _is_written(session, user, day)
        if is_written:
            await attempt.rollback()
    if is_written:
        return Requested(await get_page(session, user, day), None)
    if (
        force
        and not enqueued.is_new
        and not await jobs.amend(session, enqueued.job.id, {"force_refresh": True})
    ):
        return None
    return Requested(None, enqueued.job.id)


async def get_page(session: ReadSession | WriteSession, user: User, day: date) -> DiaryResponse:
    """Return a day's page, also if nothing has been written."""
    of_day = await events.of_day(session, user.id, day, user.timezone)
    page = await repository.page_of(session, user.id, day)
    version = None
    if page is not None and page.version:
        version = await repository.version_of(session, user.id, day, page.version)
    job = await jobs.latest(session, type=JOB_TYPE, input_url=day.isoformat(), user_id=user.id)
    return DiaryResponse(
        date=day,
        content=page.content if page else None,
        citations=_citations(version),
        version=page.version if page else 0,
        language=version.language if version else None,
        tone=version.tone if version else None,
        model=version.model if version else None,
        is_demo=version.is_demo if version else False,
        passed_over=_passed_over(job, version),
        events_hash=page.events_hash if page else None,
        events_count=len(of_day),
        is_stale=version is not None
        and version.events_hash != events_hash(of_day, zone_named(user.timezone)),
        own_text=page.own_text if page else None,
        own_text_updated_at=page.own_text_updated_at if page else None,
        written_at=version.created_at if version else None,
        job=_job_view(job, version),
    )


async def list_pages(
    session: ReadSession, user: User, first: date, last: date, *, page: int = 1, page_size: int = 31
) -> Page[DiaryEntryResponse]:
    """Return the pages from `first` to `last`, newest day first. Raises `Invalid` for an invalid range."""
    if last < first or last - first > timedelta(days=MOST_DAYS):
        raise Invalid(f"from, to: must be two days in order, at most {MOST_DAYS} apart.")
    rows, total = await repository.pages_between(
        session, user.id, first, last, page=page, page_size=page_size
    )
    entries = [await _entry(session, user, row, version) for row, version in rows]
    return Page[DiaryEntryResponse].of(entries, page=page, page_size=page_size, total=total)


async def list_versions(session: ReadSession, user: User, day: date) -> list[DiaryVersionResponse]:
    """Return every version of a page, newest first."""
    versions = await repository.versions_of(session, user.id, day)
    return [DiaryVersionResponse.model_validate(version) for version in versions]


async def get_version(
    session: ReadSession | WriteSession, user: User, day: date, version: int
) -> DiaryVersionDetailResponse:
    """Return one version of a page. Raises `NotFound`."""
    found = await repository.version_of(session, user.id, day, version)
    if found is None:
        raise NotFound(
            f"The page of {day.isoformat()} has no version {version}.",
            code="no_such_version",
            details={"day": day.isoformat(), "version": version},
        )
    return DiaryVersionDetailResponse.model_validate(found)


async def set_own_text(session: WriteSession, user: User, day: date, body: OwnTextRequest) -> DiaryResponse:
    """Set the user's own text; an empty one removes it.

    With `version` it starts as a copy of that version. Raises `Invalid` for both at once, and `NotFound` for an unknown
    version.
    """
    if body.text is not None and body.version is not None:
        raise Invalid("text, version: send one of them.")
    text = body.text
    if body.version is not None:
        text = (await get_version(session, user, day, body.version)).content[:LONGEST_OWN_TEXT]
    text = storable(text) if text and text.strip() else None
    await events.of_day(
        session, user.id, day, user.timezone
    )  # a day beyond the calendar is refused with words
    if text is not None or await repository.page_of(session, user.id, day) is not None:
        await repository.set_own_text(session, user.id, day, text, now())
    return await get_page(session, user, day)


async def forget_page(session: WriteSession, user: User, day: date, gone: Collection[UUID]) -> None:
    """Delete a day's page that was written only from `gone`, events that were deleted, and that has no text of the
    user.

    If the day has no events left, an active job for it is cancelled.
    """
    left = {event.id for event in await events.of_day(session, user.id, day, user.timezone)}
    job = await jobs.latest(session, type=JOB_TYPE, input_url=day.isoformat(), user_id=user.id)
    if not left and job is not None and job.status in _ACTIVE:
        with suppress(Conflict):  # it has ended meanwhile
            await jobs.cancel(session, job.id, user.id)
    page = await repository.page_of(session, user.id, day)
    if page is None or page.own_text is not None:
        return
    newest, *older = [_cited(one) for one in await repository.versions_of(session, user.id, day)] or [
        set[UUID]()
    ]
    if newest and newest <= set(gone) and left.isdisjoint(set[UUID]().union(*older)):
        await session.delete(page)


async def is_due(session: WriteSession, user: User, day: date) -> bool:
    """Return True if the day has events and its page was not written from them."""
    of_day = await events.of_day(session, user.id, day, user.timezone)
    return bool(of_day) and not await _is_written(session, user, day)


async def _is_written(session: WriteSession, user: User, day: date) -> bool:
    """Return True if the page was written from the day's current events."""
    of_day = await events.of_day(session, user.id, day, user.timezone)
    page = await repository.page_of(session, user.id, day)
    return page is not None and page.events_hash == events_hash(of_day, zone_named(user.timezone))


async def _entry(
    session: AsyncSession, user: User, page: DiaryPage, version: DiaryVersion | None
) -> DiaryEntryResponse:
    of_day = await events.of_day(session, user.id, page.diary_date, user.timezone)
    text = page.own_text or page.content
    return DiaryEntryResponse(
        date=page.diary_date,
        version=page.version,
        excerpt=text[:LONGEST_EXCERPT] if text else None,
        has_own_text=page.own_text is not None,
        is_demo=version.is_demo if version else False,
        is_stale=version is not None
        and version.events_hash != events_hash(of_day, zone_named(user.timezone)),
        written_at=version.created_at if version else None,
    )


def _cited(version: DiaryVersion) -> set[UUID]:
    return {event for citation in _citations(version) for event in citation.events}


def _citations(version: DiaryVersion | None) -> list[Citation]:
    return [] if version is None else [Citation.model_validate(one) for one in version.citations]


def _passed_over(job: Job | None, version: DiaryVersion | None) -> str | None:
    """Return the preferred model that could not be used, if the last job wrote the current version."""
    if job is None or version is None or job.id != version.job_id:
        return None
    return (job.metrics or {}).get(PASSED_OVER)


def _job_view(job: Job | None, version: DiaryVersion | None) -> DiaryJobResponse | None:
    """Return the job if it is active, or failed after the page was last written."""
    if job is None:
        return None
    ended_at = job.finished_at or job.created_at
    failed = job.status == JobStatus.FAILED and (version is None or version.created_at < ended_at)
    if job.status not in _ACTIVE and not failed:
        return None
    return DiaryJobResponse(
        id=job.id,
        status=job.status.value,
        phase=job.phase,
        progress=job.progress,
        error_code=job.error_code,
        error_message=job.error_message,
        error_details=job.error_details,
    )


def _subject(user: User, day: date) -> str:
    """Return the subject of a page's jobs: one is active at a time."""
    return f"{user.id}:{day.isoformat()}"
