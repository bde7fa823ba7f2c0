"""Merging and dividing events. The results belong to the user: no job changes them."""

from datetime import timedelta
from uuid import UUID

from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.kit.clock import now
from daybook.lifelog.events import repository, service
from daybook.lifelog.events.errors import NoSuchEvent, NotJoinable
from daybook.lifelog.events.facts import Facts, combine, factual_summary
from daybook.lifelog.events.fields import (
    LONGEST_DURATION,
    LONGEST_LABEL,
    LONGEST_SUMMARY,
    MOST_OBJECTS,
    clean_objects,
)
from daybook.lifelog.events.models import Event
from daybook.lifelog.wording import Wording, wording
from llm_tracker.ids import uuid7

SHORTEST_PART = 0.1
"""Seconds."""


async def merge(session: WriteSession, user: User, ids: list[UUID]) -> tuple[Event, list[str]]:
    """Merge several events into one. Returns it and the keys of pictures that are no longer needed.

    The first in time stays, with its id, from the first start to the last end, with the texts of the described ones in
    order and each object once. It keeps its place in a recording if all are parts of it. Raises `NoSuchEvent` and
    `NotJoinable`.
    """
    wanted = set(ids)
    events = await repository.several(session, user.id, list(wanted))
    if len(events) < len(wanted):
        raise NoSuchEvent
    if len(events) == 1:
        raise NotJoinable("Merging takes at least two different events.", code="one_event")
    if any(event.start_time is None for event in events):
        raise NotJoinable(
            "An event without a time cannot be merged: give it one first.", code="event_without_time"
        )
    kept, *others = events
    _unite_times(kept, others)
    _unite_words(kept, others, wording((user.settings or {}).get("language")))
    kept.edited_at = now()
    kept.embedding = None
    for event in others:
        await session.delete(event)
    await session.flush()
    return kept, [event.thumbnail_s3_key for event in others if event.thumbnail_s3_key]


async def divide(session: WriteSession, user: User, event_id: UUID, at: float) -> tuple[Event, Event]:
    """Divide an event `at` seconds from its start. Both parts have its texts; the first keeps its id and picture.

    Raises `NoSuchEvent` and `NotJoinable`.
    """
    first = await service.get_event(session, user, event_id, lock=True)
    if first.duration is None:
        raise NotJoinable("This event has no length, so it cannot be divided.", code="event_without_length")
    if not SHORTEST_PART <= at <= first.duration - SHORTEST_PART:
        raise NotJoinable(
            f"at: must be within the event, which takes {first.duration:g} seconds.",
            code="cut_outside_event",
            details={"count": first.duration},
        )
    second = _second_part(first, at)
    first.duration = at
    first.edited_at = second.edited_at = now()
    words = wording((user.settings or {}).get("language"))
    for part in (first, second):
        if not part.is_described:
            part.summary = factual_summary(Facts.of(part.facts), part.duration or 0.0, words)
    session.add(second)
    await session.flush()
    return first, second


def _unite_times(kept: Event, others: list[Event]) -> None:
    """Extend `kept`, which begins first, to the last end."""
    events = [kept, *others]
    parts = [
        (facts, event.duration or 0.0) for event in events if (facts := Facts.of(event.facts)) is not None
    ]
    facts = combine(parts) if len(parts) == len(events) else None
    begin = min(event.start_time for event in events if event.start_time is not None)
    seconds = max(
        (event.start_time - begin).total_seconds() + (event.duration or 0.0)
        for event in events
        if event.start_time is not None
    )
    if seconds > LONGEST_DURATION:
        raise NotJoinable("Together these events would take more than a year.", code="event_too_long")
    kept.duration = None if all(event.duration is None for event in events) and seconds == 0 else seconds
    if {event.recording_id for event in others} != {kept.recording_id} or any(
        event.start_offset is None for event in events
    ):
        kept.recording_id = kept.start_offset = None
    kept.facts = None if facts is None else facts.stored()


def _unite_words(kept: Event, others: list[Event], words: Wording) -> None:
    """Combine the texts of described events in `kept`; without any, summarize the facts."""
    events = [kept, *others]
    described = [event for event in events if event.is_described]
    kept.is_described = bool(described)
    kept.action = _labels([event.action for event in described], words.label_joint)
    kept.scene = _labels([event.scene for event in described], words.label_joint)
    kept.objects = clean_objects([thing for event in described for thing in event.objects or []])[
        :MOST_OBJECTS
    ]
    if described:
        summaries = dict.fromkeys(event.summary for event in described if event.summary)
        summary = words.sentence_joint.join(summaries)
        if len(summary) > LONGEST_SUMMARY:
            raise NotJoinable(
                f"Together their summaries would have more than {LONGEST_SUMMARY} characters.",
                code="summary_too_long",
                details={"most": LONGEST_SUMMARY},
            )
        kept.summary = summary or None
    else:
        kept.summary = factual_summary(Facts.of(kept.facts), kept.duration or 0.0, words)


def _labels(labels: list[str | None], joint: str) -> str | None:
    """Join each label once, as many as fit."""
    result = ""
    for label in dict.fromkeys(label for label in labels if label):
        longer = f"{result}{joint}{label}" if result else label
        if len(longer) > LONGEST_LABEL:
            break
        result = longer
    return result or None


def _second_part(event: Event, at: float) -> Event:
    duration = event.duration or 0.0
    return Event(
        id=uuid7(),
        user_id=event.user_id,
        recording_id=event.recording_id,
        start_offset=None if event.start_offset is None else event.start_offset + at,
        start_time=None if event.start_time is None else event.start_time + timedelta(seconds=at),
        duration=duration - at,
        action=event.action,
        scene=event.scene,
        summary=event.summary,
        objects=list(event.objects or []),
        origin=event.origin,
        is_described=event.is_described,
        facts=event.facts,
        job_id=event.job_id,
    )
