"""Extraction: a file's activity is measured, its segments become events, and each gets a picture.

Repeating it replaces only events that the user has not changed. An unchanged segment keeps its event, with id and
description, so that nothing is paid twice and no diary page becomes stale.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.jobs import JobContext, JobFailed
from daybook.kit import failpoints
from daybook.lifelog.activity.errors import Undecodable
from daybook.lifelog.activity.service import analyse
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.events import repository
from daybook.lifelog.events.facts import Facts, factual_summary
from daybook.lifelog.events.local_file import LocalFile
from daybook.lifelog.events.models import Event, Origin
from daybook.lifelog.events.pictures import LONGEST_SIDE, remove_pictures
from daybook.lifelog.events.segment_merging import merge_segments
from daybook.lifelog.media import service as media
from daybook.lifelog.media.errors import FfmpegFailed
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.recordings.keys import event_picture_key
from daybook.lifelog.recordings.service import Placement
from daybook.lifelog.wording import wording

log = logging.getLogger(__name__)

SAME = 0.05
"""Seconds by which the bounds of the same segment may differ."""

PICTURES_AT_A_TIME = 24


@dataclass(frozen=True, slots=True)
class Extraction:
    """Input of the extraction of one file."""

    context: JobContext
    services: WorkerServices
    file: LocalFile
    user: User
    file_id: UUID


async def extract(work: Extraction) -> UUID | None:
    """Find and store the events of a file. Returns the recording's id, or None if it was deleted meanwhile.

    Raises `JobFailed` for a video of which no frame can be decoded.
    """
    context = work.context
    place = await _place(work)
    if place is None:
        return None
    await context.progress(0.0, "analysing")
    found = await context.step("analyse", partial(_analyse, work, place))
    await context.progress(0.5, "events")
    failpoints.point("events.extract.write.before")
    outcome = await context.write_step(
        "events", lambda session: _replace(session, work, [Facts.model_validate(facts) for facts in found])
    )
    await remove_pictures(work.services.store, outcome["pictures"])
    for name in ("events", "kept"):
        context.metric(name, outcome[name])
    await context.progress(0.55, "pictures")
    place = await _place(work)  # the file may have become a chapter of another recording
    if place is None:
        return None
    await _take_pictures(work, place)
    return place.recording_id


async def _place(work: Extraction) -> Placement | None:
    async with work.context.write() as session:
        return await recordings.placement_of(session, work.file_id)


async def _analyse(work: Extraction, place: Placement) -> list[dict[str, Any]]:
    path = await work.file.path(place.s3_key)

    async def on_progress(share: float) -> None:
        await work.context.progress(0.5 * share)

    try:
        activity = await analyse(path, duration=place.duration, on_progress=on_progress)
    except Undecodable as problem:
        raise JobFailed(problem.code, problem.message, problem.details) from problem
    found = merge_segments(activity.segments, work.file_id, per_hour=work.services.settings.events_per_hour)
    work.context.metric("segments", len(activity.segments))
    work.context.metric("mode", activity.mode)
    return [facts.stored() for facts in found]


async def _replace(session: WriteSession, work: Extraction, found: list[Facts]) -> dict[str, Any]:
    """Replace the file's events by those of `found`, except what the user has changed."""
    place = await recordings.placement_of(session, work.file_id)
    if place is None:
        return {"events": 0, "kept": 0, "pictures": []}
    events = await repository.measured_in(session, place.user_id, place.recording_id, work.file_id)
    there = [(event, facts) for event in events if (facts := Facts.of(event.facts))]
    own = [facts for event, facts in there if not _is_replaceable(event)]
    old = [(event, facts) for event, facts in there if _is_replaceable(event)]
    kept = 0
    for facts in found:
        same = next((pair for pair in old if _is_same(pair[1], facts)), None)
        if same is not None:
            old.remove(same)
            kept += 1
        elif not _is_covered(facts, own):
            session.add(_event(work, place, facts))
    for event, _ in old:
        await session.delete(event)
    pictures = [event.thumbnail_s3_key for event, _ in old if event.thumbnail_s3_key is not None]
    return {"events": len(found), "kept": kept, "pictures": pictures}


def _is_replaceable(event: Event) -> bool:
    return event.origin == Origin.EXTRACTED.value and event.edited_at is None


def _is_same(one: Facts, other: Facts) -> bool:
    return (
        abs((one.start or 0.0) - (other.start or 0.0)) <= SAME
        and abs((one.end or 0.0) - (other.end or 0.0)) <= SAME
    )


def _is_covered(facts: Facts, own: list[Facts]) -> bool:
    """Return True if the user's own events cover more than half of a segment."""
    start, end = facts.start or 0.0, facts.end or 0.0
    shared = sum(max(0.0, min(end, one.end or 0.0) - max(start, one.start or 0.0)) for one in own)
    return shared > (end - start) / 2


def _event(work: Extraction, place: Placement, facts: Facts) -> Event:
    start, end = facts.start or 0.0, facts.end or 0.0
    offset = place.starts_at + start
    language = (work.user.settings or {}).get("language")
    return Event(
        user_id=place.user_id,
        recording_id=place.recording_id,
        start_offset=offset,
        start_time=place.start_time + timedelta(seconds=offset),
        duration=end - start,
        summary=factual_summary(facts, end - start, wording(language)),
        objects=[],
        origin=Origin.EXTRACTED.value,
        is_described=False,
        facts=facts.stored(),
        job_id=work.context.job_id,
    )


async def _take_pictures(work: Extraction, place: Placement) -> None:
    """Store pictures for the file's events. If none can be taken, the events stay without."""
    try:
        while await _take_some_pictures(work, place):
            pass
    except FfmpegFailed as problem:
        log.warning("No pictures of events of file %s: %s", work.file_id, problem.message)
        work.context.metric("pictures", "failed")


async def _take_some_pictures(work: Extraction, place: Placement) -> bool:
    """Store pictures for some events that have none; False if all have one."""
    async with work.services.database.read() as session:
        rows = await repository.without_picture(
            session, place.user_id, place.recording_id, work.file_id, PICTURES_AT_A_TIME
        )
    events = [(event.id, facts) for event in rows if (facts := Facts.of(event.facts))]
    if not events:
        return False
    path = await work.file.path(place.s3_key)
    at = [((facts.start or 0.0) + (facts.end or 0.0)) / 2 for _, facts in events]
    pictures = await media.frames(path, at, longest=LONGEST_SIDE)
    keys: dict[UUID, str] = {}
    for (event_id, _), picture in zip(events, pictures, strict=True):
        key = event_picture_key(place.user_id, place.recording_id, event_id)
        await work.services.store.put(key, picture)
        keys[event_id] = key
    failpoints.point("events.extract.pictures.stored")
    async with work.context.write() as session:
        for event in await repository.several(session, place.user_id, list(keys)):
            event.thumbnail_s3_key = keys.pop(event.id)
    await remove_pictures(work.services.store, keys.values())  # of events that were deleted meanwhile
    return True
