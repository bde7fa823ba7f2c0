"""The API of recordings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status

from daybook.accounts.access import CurrentUser
from daybook.db.dependencies import Reading, Writing
from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import service as jobs
from daybook.kit.errors import Invalid, NotFound
from daybook.kit.pagination import Page, PageNumber, PageSize
from daybook.lifelog.day_fields import IsoDay
from daybook.lifelog.recordings import service, timeline
from daybook.lifelog.recordings.models import Recording, RecordingFile
from daybook.lifelog.recordings.schemas import (
    JobState,
    Order,
    RecordingDetailResponse,
    RecordingFileResponse,
    RecordingResponse,
    RecordingUpdate,
    TimeShiftRequest,
    TimeShiftResponse,
)
from daybook.storage.dependencies import AppStore
from daybook.storage.service import Store

router = APIRouter(prefix="/api/v1/recordings", tags=["recordings"])

RecordingId = Annotated[UUID, Path()]
Day = Annotated[IsoDay | None, Query(description="A day of your timezone.")]


@router.get("")
async def list_recordings(
    user: CurrentUser,
    session: Reading,
    store: AppStore,
    day: Day = None,
    start_date: Day = None,
    end_date: Annotated[IsoDay | None, Query(description="Included.")] = None,
    order: Order = "newest",
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[RecordingResponse]:
    """List your recordings of a day or a range of days. One that runs over midnight is on both days."""
    if day is not None and (start_date is not None or end_date is not None):
        raise Invalid("Give either day, or start_date and end_date.")
    wanted = service.RecordingFilter(day or start_date, day or end_date, newest_first=order == "newest")
    found = await service.page(session, user, wanted, page=page, page_size=page_size)
    processing = await service.in_processing(session, [row.id for row in found.list])
    views = [
        RecordingResponse.model_validate(await _fields(row, store, is_processing=row.id in processing))
        for row in found.list
    ]
    return Page[RecordingResponse].of(views, page=page, page_size=page_size, total=found.total)


@router.post("/time-shifts")
async def shift_recordings(body: TimeShiftRequest, user: CurrentUser, session: Writing) -> TimeShiftResponse:
    """Correct a camera's clock for many recordings at once; their events move along."""
    return TimeShiftResponse(moved=await service.shift(session, user, body))


@router.get("/{recording_id}")
async def get_recording(
    recording_id: RecordingId, user: CurrentUser, session: Reading, store: AppStore
) -> RecordingDetailResponse:
    """Return a recording, with links to its files and the state of their jobs."""
    return await _detail(session, await service.get(session, user.id, recording_id), store)


@router.patch("/{recording_id}")
async def update_recording(
    recording_id: RecordingId, body: RecordingUpdate, user: CurrentUser, session: Writing, store: AppStore
) -> RecordingDetailResponse:
    """Correct a recording's name or time; its events move along."""
    return await _detail(session, await service.change(session, user, recording_id, body), store)


@router.delete("/{recording_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_recording(recording_id: RecordingId, user: CurrentUser, session: Writing) -> None:
    """Delete a recording with its files and extracted events. Events that you changed or made stay."""
    await service.delete(session, user.id, recording_id)


async def _detail(
    session: ReadSession | WriteSession, recording: Recording, store: Store
) -> RecordingDetailResponse:
    files = [await _file(session, file, store) for file in await service.files_of(session, recording.id)]
    processing = await service.in_processing(session, [recording.id])
    fields = await _fields(recording, store, is_processing=bool(processing))
    return RecordingDetailResponse.model_validate({**fields, "files": files})


async def _fields(recording: Recording, store: Store, *, is_processing: bool) -> dict[str, object]:
    known = timeline.facts_of_recording(recording)
    video = None if known is None else known.video
    key = recording.thumbnail_s3_key
    return {
        **dict.fromkeys(RecordingResponse.model_fields),
        **({} if video is None else video.model_dump()),
        **{
            name: getattr(recording, name)
            for name in RecordingResponse.model_fields
            if hasattr(recording, name)
        },
        "written_time": None if known is None else known.clock.written,
        "has_sound": None if video is None else video.audio is not None,
        "is_processing": is_processing,
        "thumbnail_url": None if key is None else await store.link(key),
    }


async def _file(
    session: ReadSession | WriteSession, file: RecordingFile, store: Store
) -> RecordingFileResponse:
    preview = file.preview_s3_key
    return RecordingFileResponse(
        id=file.id,
        name=file.name,
        position=file.position,
        starts_at=file.starts_at,
        duration=file.duration,
        size_bytes=file.size_bytes,
        sha256=file.sha256.hex(),
        is_processed=file.is_processed,
        original_url=await store.link(file.s3_key),
        preview_url=None if preview is None else await store.link(preview),
        processing=await _job(session, file.processing_job_id),
        extraction=await _job(session, file.extraction_job_id),
    )


async def _job(session: ReadSession | WriteSession, job_id: UUID | None) -> JobState | None:
    if job_id is None:
        return None
    try:
        job = await jobs.get(session, job_id)
    except NotFound:
        return None
    return JobState(
        job_id=job.id,
        status=job.status.value,
        progress=job.progress,
        error_code=job.error_code,
        error_message=job.error_message,
        error_details=job.error_details,
    )
