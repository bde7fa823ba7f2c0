"""The start time of a recording, from its tags, file name and file time. The rules are in docs/howto/footage.md.

Times without an offset are local times of the video's timezone: the user's unless another is given, never UTC. An
ambiguous time (clocks go back) means its first occurrence; a skipped one (clocks go forward) is read as if the clock
had not been changed yet.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from daybook.lifelog.days import zone_named
from daybook.lifelog.media.schemas import Video
from daybook.lifelog.recordings.camera_clocks import camera_clock_of
from daybook.lifelog.recordings.file_names import time_in_name

Source = Literal["quicktime", "container", "file_name", "file_time", "upload", "user"]

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Earlier times are invalid: 1904 and 1970 are the epochs of clocks that were never set."""

AHEAD = timedelta(days=1)
"""How far a camera's clock may be ahead of the server's: a timezone's offset."""

_YEARS = range(1900, 2200)  # nearer to the ends of the calendar, arithmetic fails
_QUARTER = timedelta(minutes=15)
_SLACK = timedelta(seconds=90)
_WESTMOST, _EASTMOST = timedelta(hours=-12), timedelta(hours=14)

_QUICKTIME_TAG = "com.apple.quicktime.creationdate"
_TAGS = ("date_recorded", "datetimeoriginal", "date_time_original", "creation_time", "date")
"""Matroska's, those copied from EXIF, the container's own, and what editors write; the better first."""

_FULL_TIME = re.compile(r"\d{4}[-:]\d\d[-:]\d\d[T ]\d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class StartTime:
    """When a recording begins, with its source."""

    start: datetime
    """In UTC."""
    source: Source
    written: datetime | None = None
    """The camera's local time, which can be read in another zone; None if unknown."""
    timezone: str | None = None
    """The zone in which `written` was read; None if it was not needed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything known about the start time of a file."""

    video: Video
    name: str
    timezone: str
    """Timezone of the video."""
    now: datetime
    file_time: datetime | None = None
    """Modification time, which cameras write when they stop."""


def start_time_of(evidence: Evidence) -> StartTime:
    """Return the first plausible candidate; the time of ingestion if there is none."""
    for candidate in _candidates(evidence):
        if EARLIEST <= candidate.start <= evidence.now + AHEAD:
            return candidate
    return StartTime(evidence.now, "upload")


def local_to_utc(written: datetime, timezone: str) -> datetime:
    """Return the moment at which clocks in `timezone` show `written`, in UTC. Raises `Invalid` for an unknown zone."""
    return written.replace(tzinfo=zone_named(timezone), fold=0).astimezone(UTC)


def _candidates(evidence: Evidence) -> Iterator[StartTime]:
    tags = evidence.video.tags
    named = time_in_name(evidence.name)
    if (told := _parsed(tags.get(_QUICKTIME_TAG))) is not None:
        yield _as_told(told, "quicktime", evidence.timezone)
    in_container = [told for tag in _TAGS if (told := _parsed(tags.get(tag))) is not None]
    if named is not None and named.exact is not None:
        yield StartTime(named.exact, "file_name", named.exact.replace(tzinfo=None))
    if named is not None and named.local is not None:
        yield _from_local_name(named.local, in_container, evidence)
    others = [*_from_container(in_container, evidence), *_from_file_time(evidence)]
    if named is not None and named.day is not None:
        yield from _on_the_day(named.day, others, evidence.timezone)
    yield from others


def _from_local_name(local: datetime, in_container: list[datetime], evidence: Evidence) -> StartTime:
    """Read a local time in the name. If the container has the same moment in UTC, their difference is the camera's
    zone.

    Android writes the name at the beginning and `creation_time` at the end. No difference means UTC, or a camera that
    writes local time as UTC.
    """
    for told in in_container:
        for utc in (told, told - timedelta(seconds=evidence.video.duration)):
            if utc.tzinfo is None or utc.utcoffset():
                continue
            offset = local.replace(tzinfo=UTC) - utc
            quarters = round(offset / _QUARTER) * _QUARTER
            if quarters and abs(offset - quarters) <= _SLACK and _WESTMOST <= quarters <= _EASTMOST:
                return StartTime(local.replace(tzinfo=UTC) - quarters, "file_name", local)
    return _as_told(local, "file_name", evidence.timezone)


def _from_container(in_container: list[datetime], evidence: Evidence) -> Iterator[StartTime]:
    is_local = camera_clock_of(evidence.video, evidence.name) == "local"
    for told in in_container:
        means_local = is_local and not told.utcoffset()
        yield _as_told(told.replace(tzinfo=None) if means_local else told, "container", evidence.timezone)


def _from_file_time(evidence: Evidence) -> Iterator[StartTime]:
    if evidence.file_time is not None and evidence.file_time.year in _YEARS:
        yield StartTime(
            evidence.file_time.astimezone(UTC) - timedelta(seconds=evidence.video.duration), "file_time"
        )


def _on_the_day(day: date, others: list[StartTime], timezone: str) -> Iterator[StartTime]:
    """Yield the candidates on the day in the name, then its noon."""
    zone = zone_named(timezone)
    yield from (other for other in others if other.start.astimezone(zone).date() == day)
    noon = datetime.combine(day, time(12))
    yield StartTime(local_to_utc(noon, timezone), "file_name", noon, timezone)


def _as_told(told: datetime, source: Source, timezone: str) -> StartTime:
    written = told.replace(tzinfo=None)
    if told.tzinfo is not None:
        return StartTime(told.astimezone(UTC), source, written)
    return StartTime(local_to_utc(written, timezone), source, written, timezone)


def _parsed(text: str | None) -> datetime | None:
    """Parse the time in a tag; None if it has no time of day or is invalid."""
    if text is None or not _FULL_TIME.match(text.strip()):
        return None
    text = text.strip()
    try:
        told = datetime.fromisoformat(text[:10].replace(":", "-") + text[10:])
    except ValueError:
        return None
    return told if told.year in _YEARS else None
