"""Queries over recordings. Each is limited to one user's rows."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Float, Select, cast, column, delete, func, select, table, text, update

from daybook.db.engine import ReadSession, WriteSession
from daybook.lifelog.recordings.keys import event_picture_key
from daybook.lifelog.recordings.models import Recording, RecordingFile

Session = ReadSession | WriteSession

_EVENTS = table(
    "events",
    *map(
        column,
        (
            "id",
            "recording_id",
            "start_offset",
            "start_time",
            "origin",
            "edited_at",
            "thumbnail_s3_key",
            "updated_at",
        ),
    ),
)
"""The events' table by name: the events' code is above this one."""

_TOLERANCE = 1e-3
"""Seconds within which an event and a chapter begin together."""


def owned(user_id: int) -> Select[Recording]:
    """The recordings of a user."""
    return select(Recording).where(Recording.user_id == user_id)


async def one(session: Session, user_id: int, recording_id: UUID, *, lock: bool = False) -> Recording | None:
    """A recording of the user."""
    query = owned(user_id).where(Recording.id == recording_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(query)


async def many_locked(session: WriteSession, user_id: int, ids: Sequence[UUID]) -> Sequence[Recording]:
    """Return recordings of the user, locked by id, so that concurrent callers do not deadlock."""
    rows = await session.scalars(
        owned(user_id)
        .where(Recording.id.in_(ids))
        .order_by(Recording.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def page(
    session: ReadSession,
    user_id: int,
    *,
    start: datetime | None,
    end: datetime | None,
    newest_first: bool,
    page: int,
    page_size: int,
) -> tuple[Sequence[Recording], int]:
    """Return a page of the recordings that overlap `[start, end)`, and their total number."""
    query = owned(user_id)
    if start is not None:
        query = query.where(func.coalesce(Recording.end_time, Recording.start_time) > start)
    if end is not None:
        query = query.where(Recording.start_time < end)
    total = await session.scalar(select(func.count()).select_from(query.subquery()))
    order = (Recording.start_time, Recording.id)
    rows = await session.scalars(
        query.order_by(*((column.desc() for column in order) if newest_first else order))
        .limit(page_size)
        .offset((page - 1) * page_size)
    )
    return rows.all(), total or 0


async def files_of(session: Session, recording_id: UUID) -> Sequence[RecordingFile]:
    """The files of a recording in the order of the video."""
    rows = await session.scalars(
        select(RecordingFile)
        .where(RecordingFile.recording_id == recording_id)
        .order_by(RecordingFile.position, RecordingFile.id)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def processing_jobs(session: Session, recording_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return the processing jobs of the recordings' files: (recording, job)."""
    rows = await session.execute(
        select(RecordingFile.recording_id, RecordingFile.processing_job_id).where(
            RecordingFile.recording_id.in_(recording_ids), RecordingFile.processing_job_id.is_not(None)
        )
    )
    return [(recording_id, job_id) for recording_id, job_id in rows if job_id is not None]


async def file_by_checksum(session: Session, user_id: int, sha256: bytes) -> RecordingFile | None:
    """The user's file with that content."""
    return await session.scalar(
        select(RecordingFile).where(RecordingFile.user_id == user_id, RecordingFile.sha256 == sha256)
    )


async def file_locked(session: WriteSession, file_id: UUID) -> tuple[RecordingFile, Recording] | None:
    """Return a file with its recording, locked until the transaction ends."""
    recording_id = await session.scalar(select(RecordingFile.recording_id).where(RecordingFile.id == file_id))
    while recording_id is not None:
        recording = await session.scalar(
            select(Recording)
            .where(Recording.id == recording_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        file = await session.scalar(
            select(RecordingFile).where(RecordingFile.id == file_id).execution_options(populate_existing=True)
        )
        if file is None:
            return None
        if recording is not None and file.recording_id == recording.id:
            return file, recording
        recording_id = file.recording_id  # it became part of another one meanwhile
    return None


async def with_chapters(
    session: WriteSession, user_id: int, key: str, positions: Sequence[int] | None = None
) -> Sequence[Recording]:
    """Return the recordings with chapters key `key`, locked; only those with a file at one of `positions` if given."""
    files = select(RecordingFile.recording_id).where(RecordingFile.user_id == user_id)
    if positions is not None:
        files = files.where(RecordingFile.position.in_(positions))
    rows = await session.scalars(
        owned(user_id)
        .where(Recording.chapters_key == key, Recording.id.in_(files))
        .order_by(Recording.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def lock_person(session: WriteSession, user_id: int) -> None:
    """Allow one transaction at a time to ingest files of a user."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('recordings'), :user_id)"), {"user_id": user_id}
    )


async def lock_key(session: WriteSession, key: str, *, wait: bool) -> bool:
    """Lock an object of the store until the transaction ends; False if another transaction has it."""
    if wait:
        await session.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('store'), hashtext(:key))"), {"key": key}
        )
        return True
    return bool(
        await session.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtext('store'), hashtext(:key))"), {"key": key}
        )
    )


async def is_claimed(session: WriteSession, key: str) -> bool:
    """Return True if a recording has the object."""
    found = await session.scalar(select(RecordingFile.id).where(RecordingFile.s3_key == key).limit(1))
    return found is not None


async def shift_events(session: WriteSession, recording_id: UUID, by: timedelta) -> None:
    """Move all events of a recording in time."""
    await session.execute(
        update(_EVENTS)
        .where(_EVENTS.c.recording_id == recording_id)
        .values(start_time=_EVENTS.c.start_time + by, updated_at=func.now())
    )


async def move_events(
    session: WriteSession, source: UUID, target: UUID, offset: float, by: timedelta
) -> None:
    """Move all events of recording `source` to `target`, `offset` seconds further into it and `by` in time."""
    await session.execute(
        update(_EVENTS)
        .where(_EVENTS.c.recording_id == source)
        .values(
            recording_id=target,
            start_offset=_EVENTS.c.start_offset + offset,
            start_time=_EVENTS.c.start_time + by,
            updated_at=func.now(),
        )
    )


async def move_files(session: WriteSession, source: UUID, target: UUID) -> None:
    """Move all files of recording `source` to `target`."""
    await session.execute(
        update(RecordingFile)
        .where(RecordingFile.recording_id == source)
        .values(recording_id=target)
        .execution_options(synchronize_session=False)
    )


async def make_room(session: WriteSession, recording: Recording, file: RecordingFile) -> None:
    """Move the events of all later chapters back by the length of `file`."""
    since_start = cast(func.extract("epoch", _EVENTS.c.start_time - recording.start_time), Float)
    offset = func.coalesce(_EVENTS.c.start_offset, since_start)
    await session.execute(
        update(_EVENTS)
        .where(_EVENTS.c.recording_id == recording.id, offset >= file.starts_at - _TOLERANCE)
        .values(
            start_offset=_EVENTS.c.start_offset + file.duration,
            start_time=_EVENTS.c.start_time + timedelta(seconds=file.duration),
            updated_at=func.now(),
        )
    )


async def delete_events(session: WriteSession, recording: Recording) -> list[str]:
    """Delete the extracted events of a recording and detach those that a user changed or made.

    Returns the keys of the deleted events' pictures, including those that a job may be storing.
    """
    of_recording = _EVENTS.c.recording_id == recording.id
    rows = await session.execute(
        delete(_EVENTS)
        .where(of_recording, _EVENTS.c.origin == "extracted", _EVENTS.c.edited_at.is_(None))
        .returning(_EVENTS.c.id, _EVENTS.c.thumbnail_s3_key)
    )
    keys = [key or event_picture_key(recording.user_id, recording.id, event_id) for event_id, key in rows]
    await session.execute(
        update(_EVENTS)
        .where(of_recording)
        .values(recording_id=None, start_offset=None, updated_at=func.now())
    )
    return keys
