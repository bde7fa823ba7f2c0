"""Enqueueing of the jobs of a recording's file. One of each type is active at a time."""

from uuid import UUID

from daybook.db.engine import WriteSession
from daybook.jobs import service as jobs
from daybook.lifelog.recordings.models import RecordingFile

PROCESSING = "recording_processing"
"""Makes thumbnail and preview; done by `recordings`."""
EXTRACTION = "event_extraction"
"""Finds the file's events; done by `events`."""


async def request_processing(session: WriteSession, file: RecordingFile) -> None:
    """Enqueue the job that makes the file's thumbnail and preview."""
    file.processing_job_id = await _request(session, PROCESSING, file)


async def request_extraction(session: WriteSession, file: RecordingFile) -> UUID:
    """Enqueue the job that finds the file's events, and return it."""
    file.extraction_job_id = job_id = await _request(session, EXTRACTION, file)
    return job_id


async def _request(session: WriteSession, job_type: str, file: RecordingFile) -> UUID:
    enqueued = await jobs.enqueue(
        session,
        type=job_type,
        input_type="video",
        input_url=file.s3_key,
        user_id=file.user_id,
        params={"recording_id": str(file.recording_id), "file_id": str(file.id), "name": file.name},
        subject=f"file:{file.id}",
    )
    return enqueued.job.id
