"""The time of a recording, of its chapters and of its events: changed together, in the caller's transaction.

Callers hold the recording's lock. Events are reached by their table's name: their code stands above this one, and a
message to it would leave a moment at which a recording has moved and its events have not.
"""

from datetime import timedelta

from daybook.db.engine import WriteSession
from daybook.lifelog.recordings import repository
from daybook.lifelog.recordings.models import Recording, RecordingFile
from daybook.lifelog.recordings.schemas import FileFacts
from daybook.lifelog.recordings.start_time import StartTime


def facts_of(file: RecordingFile) -> FileFacts:
    """What a file says itself."""
    return FileFacts.model_validate(file.video_metadata)


def facts_of_recording(recording: Recording) -> FileFacts | None:
    """What is known of a recording; None for one that came from elsewhere, without its file."""
    return None if recording.video_metadata is None else FileFacts.model_validate(recording.video_metadata)


async def move(session: WriteSession, recording: Recording, to: StartTime) -> None:
    """Let the recording begin at another time; all its events keep their distance from its beginning."""
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
    """Make `file`, which is new, a part of `recording`, at its place among the chapters that are there."""
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
    """Make all files of `later` chapters of `recording`, which goes on with them; `later` is empty then."""
    added = recording.duration or 0.0
    begins = recording.start_time
    if begins is not None and later.start_time is not None:
        moved = begins + timedelta(seconds=added) - later.start_time
        await repository.move_events(session, later.id, recording.id, added, moved)
    await repository.move_files(session, later.id, recording.id)
    await _lay_out(session, recording)


async def _lay_out(session: WriteSession, recording: Recording) -> None:
    """Each chapter begins where the one before ends; the recording is as long as all of them."""
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
    """`first` came after other chapters and goes before them: the recording has its name, looks and time.

    What a person corrected stays right for the chapters that were there, so the new one begins before them.
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
