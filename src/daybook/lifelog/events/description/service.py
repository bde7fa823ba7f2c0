"""Requests to describe or extract events, and cost estimates."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts.models import User
from daybook.db.engine import ReadSession, WriteSession
from daybook.gateway.internal import estimate_call
from daybook.jobs import service as jobs
from daybook.kit.errors import NotFound
from daybook.lifelog.events.description import batching
from daybook.lifelog.events.description.schemas import DescriptionEstimateResponse
from daybook.lifelog.events.description.targets import Selection, targets_of
from daybook.lifelog.events.errors import NoVisionModel
from daybook.lifelog.events.segment_merging import max_events
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.recordings.models import RecordingFile
from daybook.settings import Settings
from llm_tracker.usage import Usage

DESCRIPTION = "event_description"
"""The type of the jobs that describe events."""


async def estimate(
    session: ReadSession, user: User, settings: Settings, selection: Selection
) -> DescriptionEstimateResponse:
    """Estimate the cost of describing. A file whose events are still being extracted counts with its maximum.

    Raises `NoSuchRecording` if it is another user's.
    """
    most = settings.vision_frames
    lengths = [[target.seconds for target in file] for file in await targets_of(session, user, selection)]
    waiting = await _waiting_files(session, user, selection)
    for file in waiting:
        count = max_events(file.duration, settings.events_per_hour)
        lengths.append([file.duration / count] * count)
    size = batching.size_of(lengths, most)
    estimated = await estimate_call(session, settings, "vision", user.settings)
    tokens = Usage(prompt_tokens=size.prompt_tokens, completion_tokens=size.completion_tokens)
    return DescriptionEstimateResponse(
        model=None if estimated.choice.model is None else estimated.choice.model.name,
        reason=estimated.choice.reason,
        is_exact=not waiting,
        stretches=size.segments,
        frames=size.frames,
        calls=size.calls,
        prompt_tokens=size.prompt_tokens,
        completion_tokens=size.completion_tokens,
        cost=estimated.cost(tokens),
    )


async def request_description(
    session: WriteSession, user: User, settings: Settings, selection: Selection
) -> UUID:
    """Return the job that describes the selection, an active one if there is one.

    Raises `NoSuchRecording`, and `NoVisionModel` if no model is available.
    """
    choice = (await estimate_call(session, settings, "vision", user.settings)).choice
    if choice.model is None:
        raise NoVisionModel(choice.reason or "No model with vision is configured.")
    params: dict[str, Any] = {"again": selection.again}
    if selection.recording_id is not None:
        recording = await recordings.get(session, user.id, selection.recording_id)
        subject = f"recording:{selection.recording_id}"
        params |= {"recording_id": str(selection.recording_id), "name": recording.name}
    else:
        params["day"] = str(selection.day)
        subject = f"day:{user.id}:{selection.day}"
    enqueued = await jobs.enqueue(
        session,
        type=DESCRIPTION,
        input_type="video" if selection.recording_id else "day",
        input_url=params.get("recording_id") or params["day"],
        user_id=user.id,
        params=params,
        subject=subject,
    )
    return enqueued.job.id


async def request_extraction(session: WriteSession, user: User, recording_id: UUID) -> list[UUID]:
    """Return the jobs that extract a recording's events again, one for each file. Raises `NoSuchRecording`."""
    await recordings.get(session, user.id, recording_id)
    files = await recordings.files_of(session, recording_id)
    return [await recordings.request_extraction(session, file) for file in files]


async def _waiting_files(session: AsyncSession, user: User, selection: Selection) -> list[RecordingFile]:
    """Return the recording's files whose events are still being extracted."""
    if selection.recording_id is None:
        return []
    read = ReadSession(session)
    await recordings.get(read, user.id, selection.recording_id)
    files = await recordings.files_of(read, selection.recording_id)
    return [file for file in files if await _is_waiting(read, file)]


async def _is_waiting(session: ReadSession, file: RecordingFile) -> bool:
    if file.extraction_job_id is None:
        return False
    try:
        job = await jobs.get(session, file.extraction_job_id)
    except NotFound:  # its record was removed by hand
        return False
    return job.status in {"pending", "processing"} and "events" not in (job.metrics or {})
