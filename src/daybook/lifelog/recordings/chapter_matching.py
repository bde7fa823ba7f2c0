"""Finding the recording that a chapter belongs to: names propose candidates; format and times decide."""

from datetime import timedelta

from daybook.db.engine import WriteSession
from daybook.lifelog.media.schemas import Video
from daybook.lifelog.recordings import repository
from daybook.lifelog.recordings.chapters import Chapter
from daybook.lifelog.recordings.models import Recording, RecordingFile
from daybook.lifelog.recordings.start_time import StartTime
from daybook.lifelog.recordings.timeline import facts_of

LONGEST = timedelta(hours=12)
"""Maximum time between the starts of two chapters. Numbers repeat, after weeks at the earliest."""

AT_ONCE = timedelta(seconds=3)
"""Maximum gap between chapters: cameras record whole seconds."""

_FROM_CAMERA = {"quicktime", "container", "file_name"}
_FPS_TOLERANCE = 0.1


async def recordings_of(session: WriteSession, file: RecordingFile, chapter: Chapter) -> list[Recording]:
    """Return the recordings that `file` is a chapter of, by time; none if it is the first chapter.

    There are two only if the numbers do not identify a recording and `file` is the missing chapter between them.
    """
    positions = [chapter.position - 1, chapter.position + 1] if chapter.follows_at_once else None
    found: list[tuple[timedelta, int, Recording]] = []
    for recording in await repository.with_chapters(session, file.user_id, chapter.key, positions):
        files = await repository.files_of(session, recording.id)
        if any(other.position == file.position for other in files) or not _same_format(file, files[0]):
            continue
        if chapter.follows_at_once:
            if any(_follows(file, other) or _follows(other, file) for other in files):
                found.append((timedelta(0), files[0].position, recording))
            continue
        distance = min(_distance(file, other) for other in files)
        if distance <= LONGEST:
            found.append((distance, files[0].position, recording))
    if chapter.follows_at_once:
        return [recording for _, _, recording in sorted(found, key=lambda one: one[1])][:2]
    return [min(found, key=lambda one: one[0])[2]] if found else []


def _same_format(one: RecordingFile, other: RecordingFile) -> bool:
    """Return True if two videos can be chapters of one recording: cameras do not change format between chapters."""
    first, second = facts_of(one).video, facts_of(other).video
    return _format(first) == _format(second) and abs(first.fps - second.fps) <= _FPS_TOLERANCE


def _format(video: Video) -> tuple[object, ...]:
    return video.container, video.video_codec, video.coded_width, video.coded_height, video.audio is None


def _follows(later: RecordingFile, earlier: RecordingFile) -> bool:
    """Return True if `later` begins at the end of `earlier`."""
    if later.position != earlier.position + 1:
        return False
    begins, before = _clock(later), _clock(earlier)
    if begins.source not in _FROM_CAMERA or before.source not in _FROM_CAMERA:
        return False
    return abs(begins.start - before.start - timedelta(seconds=earlier.duration)) <= AT_ONCE


def _distance(one: RecordingFile, other: RecordingFile) -> timedelta:
    """Return the time between the starts of two files; 0 if a camera did not write them."""
    first, second = _clock(one), _clock(other)
    if first.source not in _FROM_CAMERA or second.source not in _FROM_CAMERA:
        return timedelta(0)
    return abs(first.start - second.start)


def _clock(file: RecordingFile) -> StartTime:
    """Return the time in the file itself, regardless of corrections of its recording."""
    return facts_of(file).clock
