"""Recordings: videos with their time, of one file or several chapters.

Invariants:

- A user has a file once: (user, SHA-256) is unique, and ingesting it again returns the existing recording.
- A rejected file leaves nothing: no row, no object in the store.
- An event keeps its offset from its recording's start when the recording's time changes.
"""

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from daybook.accounts.models import User
from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import service as jobs
from daybook.kit.clock import now
from daybook.kit.errors import Conflict, Invalid, NotFound
from daybook.kit.pagination import Page
from daybook.kit.text import storable
from daybook.lifelog.days import day_bounds
from daybook.lifelog.recordings import removal, repository, timeline
from daybook.lifelog.recordings.errors import NoSuchRecording
from daybook.lifelog.recordings.ingest import Details, Ingested, find_by_checksum, ingest
from daybook.lifelog.recordings.keys import keys_of
from daybook.lifelog.recordings.models import Recording, RecordingFile
from daybook.lifelog.recordings.requests import request_extraction
from daybook.lifelog.recordings.schemas import RecordingUpdate, TimeShiftRequest
from daybook.lifelog.recordings.start_time import AHEAD, EARLIEST, StartTime, local_to_utc

__all__ = [
    "Details",
    "Ingested",
    "Placement",
    "change",
    "delete",
    "files_of",
    "find_by_checksum",
    "get",
    "in_processing",
    "ingest",
    "page",
    "placement_of",
    "request_extraction",
    "shift",
]


@dataclass(frozen=True, slots=True)
class Placement:
    """Position of a file in time, locked until the transaction ends."""

    recording_id: UUID
    user_id: int
    start_time: datetime
    """Of the recording."""
    starts_at: float
    """Of the file, in seconds from the recording's beginning."""
    duration: float
    s3_key: str


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Recordings that overlap the days `first` to `last` of the user's timezone."""

    first: date | None = None
    last: date | None = None
    newest_first: bool = True


async def page(
    session: ReadSession, user: User, wanted: RecordingFilter, *, page: int = 1, page_size: int = 50
) -> Page[Recording]:
    """Return the user's recordings by time. One that runs over midnight is on both days."""
    rows, total = await repository.page(
        session,
        user.id,
        start=wanted.first and day_bounds(wanted.first, user.timezone).start,
        end=wanted.last and day_bounds(wanted.last, user.timezone).end,
        newest_first=wanted.newest_first,
        page=page,
        page_size=page_size,
    )
    return Page[Recording].of(rows, page=page, page_size=page_size, total=total)


async def get(session: ReadSession | WriteSession, user_id: int, recording_id: UUID) -> Recording:
    """Return a recording of the user. Raises `NoSuchRecording`."""
    recording = await repository.one(session, user_id, recording_id)
    if recording is None:
        raise NoSuchRecording
    return recording


async def files_of(session: ReadSession | WriteSession, recording_id: UUID) -> Sequence[RecordingFile]:
    """Return the files of a recording in order."""
    return await repository.files_of(session, recording_id)


async def in_processing(session: ReadSession | WriteSession, recording_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the recordings whose processing job is pending or running."""
    made_by = await repository.processing_jobs(session, recording_ids)
    active = await jobs.active_of(session, {job_id for _, job_id in made_by})
    return {recording_id for recording_id, job_id in made_by if job_id in active}


async def placement_of(session: WriteSession, file_id: UUID) -> Placement | None:
    """Return the file's position in time, locked until the transaction ends; None if its recording was deleted.

    Writers of a file's events call this in the same transaction, so that no correction of the time is lost:
    `start_offset = starts_at + seconds in the file`, `start_time = start_time + start_offset`.
    """
    found = await repository.file_locked(session, file_id)
    if found is None:
        return None
    file, recording = found
    start = recording.start_time or recording.created_at
    return Placement(recording.id, recording.user_id, start, file.starts_at, file.duration, file.s3_key)


async def change(session: WriteSession, user: User, recording_id: UUID, body: RecordingUpdate) -> Recording:
    """Correct a recording; its events move along. Raises `NoSuchRecording`, and `Invalid` for impossible times."""
    recording = await _locked(session, user.id, recording_id)
    if body.name is not None:
        recording.name = storable(body.name.strip()) or recording.name
    if body.start_time is not None:
        await timeline.move(session, recording, _from_user(body.start_time, body.timezone, user))
    elif body.timezone is not None:
        await timeline.move(session, recording, _in_timezone(recording, body.timezone))
    await session.flush()
    return recording


async def shift(session: WriteSession, user: User, body: TimeShiftRequest) -> int:
    """Move recordings with a wrong camera clock, all or none. Returns their number.

    Raises `NoSuchRecording` if one of them is not the user's, and `Invalid`.
    """
    if (body.seconds is None) == (body.timezone is None):
        raise Invalid(
            "Send either seconds, to move them, or timezone, to read their clocks in it.",
            code="shift_unclear",
        )
    ids = set(body.recording_ids)
    recordings = await repository.many_locked(session, user.id, sorted(ids))
    if len(recordings) != len(ids):
        raise NoSuchRecording
    for recording in recordings:
        if body.timezone is not None:
            to = _in_timezone(recording, body.timezone)
        else:
            to = _shifted(recording, timedelta(seconds=body.seconds or 0))
        await timeline.move(session, recording, to)
    return len(recordings)


async def delete(session: WriteSession, user_id: int, recording_id: UUID) -> None:
    """Delete a recording with its extracted events; its objects are removed after the commit.

    Events that the user changed or made stay, without it. Raises `NoSuchRecording`.
    """
    await get(session, user_id, recording_id)
    # Work on it holds its job's record and then asks for the recording: so do we.
    for file in await repository.files_of(session, recording_id):
        for job_id in (file.processing_job_id, file.extraction_job_id):
            await _stop(session, job_id)
    recording = await _locked(session, user_id, recording_id)
    files = await repository.files_of(session, recording_id)
    keys = [key for file in files for key in keys_of(file)]
    keys += await repository.delete_events(session, recording)
    await session.delete(recording)
    await session.flush()
    await removal.request(session, keys, f"recording:{recording_id}")


async def _locked(session: WriteSession, user_id: int, recording_id: UUID) -> Recording:
    recording = await repository.one(session, user_id, recording_id, lock=True)
    if recording is None:
        raise NoSuchRecording
    return recording


def _from_user(start: datetime, timezone: str | None, user: User) -> StartTime:
    """Return the start time given by the user; local time without an offset."""
    written = start.replace(tzinfo=None)
    try:
        if start.tzinfo is None:
            timezone = timezone or user.timezone
            return _checked(StartTime(local_to_utc(written, timezone), "user", written, timezone))
        if timezone is not None:
            raise Invalid(
                "start_time: already has an offset; omit the timezone or the offset.",
                code="two_timezones",
            )
        return _checked(StartTime(start.astimezone(UTC), "user", written))
    except OverflowError:
        raise Invalid("start_time: is beyond the calendar.", code="impossible_time") from None


def _in_timezone(recording: Recording, timezone: str) -> StartTime:
    """Read the camera's clock in another timezone."""
    known = timeline.facts_of_recording(recording)
    if known is None or known.clock.written is None:
        raise Invalid(
            f"“{recording.name}” has no camera time that could be read in another timezone. "
            "Give its start_time.",
            code="no_clock",
            details={"name": recording.name or ""},
        )
    written = known.clock.written
    return _checked(StartTime(local_to_utc(written, timezone), known.clock.source, written, timezone))


def _shifted(recording: Recording, by: timedelta) -> StartTime:
    known = timeline.facts_of_recording(recording)
    written = None if known is None else known.clock.written
    try:
        start = (recording.start_time or recording.created_at) + by
        return _checked(
            StartTime(start, "user", None if written is None else written + by, recording.timezone)
        )
    except OverflowError:
        raise Invalid("seconds: the result is beyond the calendar.", code="impossible_time") from None


def _checked(beginning: StartTime) -> StartTime:
    if not EARLIEST <= beginning.start <= now() + AHEAD:
        raise Invalid(f"A recording begins between {EARLIEST:%Y-%m-%d} and now.", code="impossible_time")
    return beginning


async def _stop(session: WriteSession, job_id: UUID | None) -> None:
    """Cancel a job if it exists and has not ended."""
    if job_id is not None:
        with contextlib.suppress(Conflict, NotFound):
            await jobs.cancel(session, job_id)
