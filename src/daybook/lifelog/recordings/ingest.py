"""Ingesting: a file becomes a recording or a chapter of one, or is rejected without a trace.

The object is announced, stored and claimed by a row, in this order. If the process is killed in between, a worker finds
the announcement and removes the object.
"""

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from daybook.accounts import service as accounts
from daybook.db.engine import WriteSession
from daybook.kit import failpoints
from daybook.kit.clock import now
from daybook.kit.errors import Unavailable
from daybook.kit.text import storable
from daybook.lifelog.context import Services
from daybook.lifelog.media.errors import NotAVideo
from daybook.lifelog.media.playable import suffix_of
from daybook.lifelog.media.service import inspect
from daybook.lifelog.recordings import chapter_matching, chapters, removal, repository, requests, timeline
from daybook.lifelog.recordings.errors import Refused
from daybook.lifelog.recordings.keys import file_key
from daybook.lifelog.recordings.models import Recording, RecordingFile
from daybook.lifelog.recordings.schemas import FileFacts
from daybook.lifelog.recordings.start_time import Evidence, start_time_of
from daybook.storage.service import content_type_of
from llm_tracker.ids import uuid7

log = logging.getLogger(__name__)

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Details:
    """What the uploader knows of a file besides its name."""

    file_time: datetime | None = None
    """Modification time of the original file."""
    timezone: str | None = None
    """The camera's timezone, an IANA name; the user's own if None."""
    sha256: bytes | None = None
    """Of the staged file; computed if None."""
    may_link: bool = False
    """True if the staged file is never changed, so that the store need not copy it."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """The recording of an ingested file."""

    recording_id: UUID
    file_id: UUID
    is_new: bool
    """False if the user had the file before."""


async def ingest(
    services: Services, user_id: int, staged: Path, name: str, details: Details | None = None
) -> Ingested:
    """Turn the file at `staged` into a recording of the user, or a chapter of one.

    Its jobs are enqueued in the same transaction; a chapter has jobs of its own. `staged` is not moved. Raises
    `Refused` with a code and message, and leaves nothing then.
    """
    details = details or Details()
    sha256 = details.sha256 or await asyncio.to_thread(_sha256, staged)
    if (taken := await find_by_checksum(services, user_id, sha256)) is not None:
        return taken
    try:
        video = await inspect(staged)
    except NotAVideo as error:
        raise Refused(error.message, code=error.code, details=error.details) from None
    async with services.database.read() as session:
        timezone = details.timezone or (await accounts.get_user(session, user_id)).timezone
    name = _plain(name)
    evidence = Evidence(video, name, timezone, now(), details.file_time)
    recording_id, file_id = uuid7(), uuid7()
    file = RecordingFile(
        id=file_id,
        recording_id=recording_id,
        user_id=user_id,
        position=0,
        name=name,
        s3_key=file_key(user_id, recording_id, file_id, suffix_of(video)),
        sha256=sha256,
        size_bytes=video.size_bytes,
        duration=video.duration,
        video_metadata=FileFacts(video=video, clock=start_time_of(evidence)).model_dump(mode="json"),
    )
    async with services.database.write() as session:
        await removal.announce(session, file_id, file.s3_key)
    failpoints.point("recordings.announce.after")
    try:
        await services.store.put_file(file.s3_key, staged, may_link=details.may_link)
        failpoints.point("recordings.store.after")
        taken = await _claim(services, file)
    except BaseException:
        await asyncio.shield(_undo(services, file.s3_key))
        raise
    if not taken.is_new:
        await _undo(services, file.s3_key)
    failpoints.point("recordings.commit.after")
    return taken


async def find_by_checksum(services: Services, user_id: int, sha256: bytes) -> Ingested | None:
    """Return the user's recording with this file; None if there is none."""
    async with services.database.read() as session:
        file = await repository.file_by_checksum(session, user_id, sha256)
    return None if file is None else Ingested(file.recording_id, file.id, is_new=False)


async def _claim(services: Services, file: RecordingFile) -> Ingested:
    """Write the rows in one transaction that locks the object and the user's other ingests."""
    async with services.database.write() as session:
        await repository.lock_key(session, file.s3_key, wait=True)
        if await services.store.size(file.s3_key) != file.size_bytes:
            raise Unavailable("The file was lost while it was stored. Send it again.", code="file_lost")
        await repository.lock_person(session, file.user_id)
        known = await repository.file_by_checksum(session, file.user_id, file.sha256)
        if known is not None:
            return Ingested(known.recording_id, known.id, is_new=False)
        await _place(session, file)
        await requests.request_processing(session, file)
        await requests.request_extraction(session, file)
        await session.flush()
        failpoints.point("recordings.claim.after")
        return Ingested(file.recording_id, file.id, is_new=True)


async def _place(session: WriteSession, file: RecordingFile) -> None:
    """Add the file to the recording it is a chapter of, or to a new one."""
    chapter = chapters.chapter_of(file.name)
    if chapter is not None:
        file.position = chapter.position
        found = await chapter_matching.recordings_of(session, file, chapter)
        if found:
            await timeline.add_chapter(session, found[0], file)
            for later in found[1:]:
                await timeline.join(session, found[0], later)
                await session.delete(later)
            return
    facts = timeline.facts_of(file)
    session.add(
        Recording(
            id=file.recording_id,
            user_id=file.user_id,
            name=file.name,
            s3_key=file.s3_key,
            content_type=content_type_of(file.s3_key),
            start_time=facts.clock.start,
            end_time=facts.clock.start + timedelta(seconds=file.duration),
            time_source=facts.clock.source,
            timezone=facts.clock.timezone,
            duration=file.duration,
            size_bytes=file.size_bytes,
            chapters_key=None if chapter is None else chapter.key,
            video_metadata=file.video_metadata,
        )
    )
    await session.flush()
    session.add(file)
    await session.flush()


async def _undo(services: Services, key: str) -> None:
    """Remove the object unless its row exists: a commit may have succeeded although it seemed to fail."""
    try:
        async with services.database.write() as session:
            await removal.remove_unclaimed(session, services.store, key)
    except Exception as problem:  # noqa: BLE001  (why we are here is what the caller is told; the announcement stays)
        log.warning("An object may be left in the store for some minutes: %s", type(problem).__name__)


def _plain(name: str) -> str:
    """Return a storable file name without its folder."""
    return storable(name.replace("\\", "/").rpartition("/")[2].strip() or "video", _LONGEST_NAME)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
