"""Time of a recording, its chapters and its events, changed together in the caller's transaction.

Callers hold the recording's lock. Events are updated directly instead of by a message, so that they never disagree with
their recording.
"""

from datetime import timedelta

from daybook.db.engine import WriteSession
from daybook.lifelog.recordings import repository
from daybook.lifelog.recordings.models import Recording, RecordingFile
from daybook.lifelog.recordings.schemas import FileFacts
from daybook.lifelog.recordings.start_time import StartTime


def facts_of(file: RecordingFile) -> FileFacts:
    """Return the facts of a file."""
    return FileFacts.model_validate(file.video_metadata)


def facts_of_recording(recording: Recording) -> FileFacts | None:
    """Return the facts of a recording; None if it has no file."""
    return None if recording.video_metadata is None else FileFacts.model_validate(recording.video_metadata)


async def move(session: WriteSession, recording: Recording, to: StartTime) -> None:
    """Change a recording's start time; its events keep their offsets."""
    facts = facts_of_recording(recording)
    moved = to.start - recording.start_time if recording.start_time is not None else timedelta(0)
    if facts is not None:
        recording.video_metadata = FileFacts(video=facts.video, clock=to).model_dump(mode="json")
    recording.start_time = to.start
    recording.end_time = to.start + timedelta(seconds=recording.duration or 0)
    recording.time_source = to.source
    recording.timezone = to.timezone
    await session.flush()
    if moved:
        await repository.shift_events(session, recording.id, moved)


async def add_chapter(session: WriteSession, recording: Recording, file: RecordingFile) -> None:
    """Add the new `file` to `recording`, at its place among the chapters."""
    files = await repository.files_of(session, recording.id)
    earlier = [other for other in files if other.position < file.position]
    file.recording_id = recording.id
    file.starts_at = sum(other.duration for other in earlier)
    session.add(file)
    await session.flush()
    await repository.make_room(session, recording, file)
    await _lay_out(session, recording)
    if not earlier:
        await _begin_with(session, recording, file)


async def join(session: WriteSession, recording: Recording, later: Recording) -> None:
    """Append all files of `later` to `recording`; `later` is empty then."""
    added = recording.duration or 0.0
    begins = recording.start_time
    if begins is not None and later.start_time is not None:
        moved = begins + timedelta(seconds=added) - later.start_time
        await repository.move_events(session, later.id, recording.id, added, moved)
    await repository.move_files(session, later.id, recording.id)
    await _lay_out(session, recording)


async def _lay_out(session: WriteSession, recording: Recording) -> None:
    """Set each chapter to begin at the end of the one before, and the recording's length to their sum."""
    files = await repository.files_of(session, recording.id)
    starts_at = 0.0
    for file in files:
        file.starts_at = starts_at
        starts_at += file.duration
    recording.duration = starts_at
    recording.size_bytes = sum(file.size_bytes for file in files)
    recording.is_processed = all(file.is_processed for file in files)
    if recording.start_time is not None:
        recording.end_time = recording.start_time + timedelta(seconds=starts_at)
    await session.flush()


async def _begin_with(session: WriteSession, recording: Recording, first: RecordingFile) -> None:
    """Make the new first chapter `first` define the recording's name, format and time.

    A corrected time stays right for the chapters that were there: the new one begins before them.
    """
    facts, known = facts_of(first), facts_of_recording(recording)
    recording.name = first.name
    recording.s3_key = first.s3_key
    clock = facts.clock
    if recording.time_source == "user" and recording.start_time is not None and known is not None:
        earlier = timedelta(seconds=first.duration)
        written = known.clock.written
        clock = StartTime(
            start=recording.start_time - earlier,
            source="user",
            written=None if written is None else written - earlier,
            timezone=known.clock.timezone,
        )
    recording.video_metadata = first.video_metadata
    await move(session, recording, clock)
