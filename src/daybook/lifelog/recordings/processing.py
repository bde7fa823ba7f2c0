"""The job `recording_processing`: a thumbnail of a file, and a preview where browsers do not play the original."""

import logging
import time
from pathlib import Path
from uuid import UUID

from daybook.jobs import JobContext, JobFailed, Json
from daybook.kit import failpoints
from daybook.lifelog.context import Services
from daybook.lifelog.media.errors import FfmpegFailed
from daybook.lifelog.media.schemas import Video
from daybook.lifelog.media.service import is_playable, make_preview, thumbnail
from daybook.lifelog.recordings import repository, timeline
from daybook.lifelog.recordings.keys import preview_key, thumbnail_key
from daybook.lifelog.recordings.models import RecordingFile
from daybook.storage.errors import NoSuchFile

log = logging.getLogger(__name__)

_PREVIEW_DONE = 0.9  # of the whole job
_LEFT_OVER = 86_400.0  # seconds after which a draft belongs to nobody


async def process(services: Services, context: JobContext) -> None:
    """Make a file's thumbnail and preview, and record them.

    Safe to repeat. Leaves nothing if the recording was deleted meanwhile. Raises `JobFailed` if no preview can be made;
    the file has its thumbnail and counts as processed then.
    """
    file_id = UUID(str(context.params["file_id"]))
    async with services.database.read() as session:
        file = await session.get(RecordingFile, file_id)
    if file is None:
        await _delete_derived(services, context.input_url)
        return
    video = timeline.facts_of(file).video
    problem: FfmpegFailed | None = None
    try:
        try:
            has_preview = bool(
                await context.step("preview", lambda: _preview(services, context, file, video))
            )
        except FfmpegFailed as failure:
            has_preview, problem = False, failure
        has_thumbnail = bool(
            await context.step("thumbnail", lambda: _thumbnail(services, context, file, video))
        )
    except NoSuchFile:
        await _fail_if_lost(services, file)
        return
    failpoints.point("recordings.processing.made")
    if not await _record(context, file, has_preview=has_preview, has_thumbnail=has_thumbnail):
        await _delete_derived(services, file.s3_key)
    elif problem is not None:
        raise JobFailed(
            "no_preview",
            f"No preview of “{file.name}” could be made, so browsers do not play it; the original can be downloaded. "
            f"A retry helps only with another ffmpeg on the server. {problem.message}",
            {"name": file.name, "said": problem.message},
        )


async def _preview(services: Services, context: JobContext, file: RecordingFile, video: Video) -> Json:
    """Make the preview if browsers need one. True if there is one."""
    if is_playable(video):
        return False

    async def report(share: float) -> None:
        await context.progress(share * _PREVIEW_DONE, phase="preview")

    await report(0.0)
    draft = _drafts(services) / f"{file.id}-preview.mp4"
    try:
        async with services.store.as_file(file.s3_key) as path:
            await make_preview(path, video, draft, on_progress=report)
        failpoints.point("recordings.processing.preview")
        await services.store.put_file(preview_key(file.s3_key), draft)
    finally:
        draft.unlink(missing_ok=True)
    return True


async def _thumbnail(services: Services, context: JobContext, file: RecordingFile, video: Video) -> Json:
    """Make the thumbnail. False if no frame can be decoded."""
    await context.progress(_PREVIEW_DONE, phase="thumbnail")
    preview = preview_key(file.s3_key)
    # Small, and its colours are those that will be seen.
    source = preview if await services.store.size(preview) is not None else file.s3_key
    try:
        async with services.store.as_file(source) as path:
            picture = await thumbnail(path, video.duration)
    except FfmpegFailed as problem:
        log.warning("File %s has no thumbnail: %s", file.id, problem.message)
        return False
    await services.store.put(thumbnail_key(file.s3_key), picture)
    return True


async def _record(
    context: JobContext, file: RecordingFile, *, has_preview: bool, has_thumbnail: bool
) -> bool:
    """Record the results; False if the recording is gone."""
    async with context.write() as session:
        found = await repository.file_locked(session, file.id)
        if found is None:
            return False
        row, recording = found
        row.preview_s3_key = preview_key(row.s3_key) if has_preview else None
        row.is_processed = True
        files = await repository.files_of(session, recording.id)
        if has_thumbnail and (files[0].id == row.id or recording.thumbnail_s3_key is None):
            recording.thumbnail_s3_key = thumbnail_key(row.s3_key)
        recording.is_processed = all(other.is_processed or other.id == row.id for other in files)
    return True


async def _fail_if_lost(services: Services, file: RecordingFile) -> None:
    """Handle a missing object: clean up if its recording was deleted, else fail the job."""
    async with services.database.read() as session:
        if await session.get(RecordingFile, file.id) is not None:
            raise JobFailed(
                "file_missing",
                f"The file of “{file.name}” is no longer in the store. Upload it again.",
                {"name": file.name},
            )
    await _delete_derived(services, file.s3_key)


async def _delete_derived(services: Services, key: str | None) -> None:
    """Delete what this job may have stored of a deleted file."""
    if key is not None:
        await services.store.delete(preview_key(key))
        await services.store.delete(thumbnail_key(key))


def _drafts(services: Services) -> Path:
    """Return the folder for previews in progress, without leftovers of killed workers older than a day."""
    folder = services.settings.data / "scratch" / "previews"
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < time.time() - _LEFT_OVER:
                path.unlink()
        except FileNotFoundError:
            continue
    return folder
