"""The hash of a day's events: its form is fixed, for pages of years are compared with it."""

import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from daybook.lifelog.diary.hashing import events_hash
from daybook.lifelog.events.models import Event

TAIPEI = ZoneInfo("Asia/Taipei")
ID = UUID("01a1f811-18f7-71ef-8a7e-1d70bb5abc73")


def event(**values):
    values = {
        "id": ID,
        "user_id": 1,
        "start_time": datetime(2026, 11, 20, 6, 5, 10, 250_000, tzinfo=UTC),
        "duration": 754.0,
        "action": "walking",
        "scene": None,
        "summary": "Anna 遛狗",
        "objects": ["dog", "leash"],
        "is_described": True,
        **values,
    }
    return Event(**values)


def test_the_form():
    form = (
        '[{"action":"walking","duration":754.0,"id":"01a1f811-18f7-71ef-8a7e-1d70bb5abc73",'
        '"objects":["dog","leash"],"scene":null,"start":"2026-11-20T14:05:10.250000+08:00","summary":"Anna 遛狗"}]'
    )

    assert events_hash([event()], TAIPEI) == hashlib.sha256(form.encode()).hexdigest()


def test_what_was_measured_counts_where_nobody_has_described():
    facts = {"motion": 0.25, "brightness": 0.5, "sound": None, "file_id": "x"}
    form = json.dumps(
        [
            {
                "action": None,
                "brightness": 0.5,
                "duration": None,
                "id": str(ID),
                "motion": 0.25,
                "objects": [],
                "scene": None,
                "sound": None,
                "start": "2026-11-20T06:05:10.250000+00:00",
                "summary": None,
            }
        ],
        separators=(",", ":"),
    )
    bare = event(is_described=False, facts=facts, duration=None, action=None, summary=None, objects=None)

    assert events_hash([bare], ZoneInfo("UTC")) == hashlib.sha256(form.encode()).hexdigest()


def test_no_events_are_a_hash_too_and_order_counts():
    one, two = event(), event(id=UUID(int=7))

    assert events_hash([], TAIPEI) == hashlib.sha256(b"[]").hexdigest()
    assert events_hash([one, two], TAIPEI) != events_hash([two, one], TAIPEI)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"objects": ["a,b"]}, {"objects": ["a", "b"]}),
        ({"action": "a", "scene": None}, {"action": None, "scene": "a"}),
        ({"summary": ""}, {"summary": None}),
        ({"start_time": datetime(2026, 11, 20, 6, 5, 10, tzinfo=UTC)}, {}),
    ],
)
def test_days_that_differ_have_different_hashes(one, other):
    assert events_hash([event(**one)], TAIPEI) != events_hash([event(**other)], TAIPEI)


@pytest.mark.parametrize(
    "values",
    [
        {"embedding": [0.5]},
        {"thumbnail_s3_key": "x"},
        {"facts": {"motion": 1}},
        {"objects": ["dog", "leash"]},
    ],
)
def test_what_no_text_is_written_from_does_not_count(values):
    assert events_hash([event(**values)], TAIPEI) == events_hash([event()], TAIPEI)


def test_the_same_moment_read_from_the_database_is_the_same():
    elsewhere = event(start_time=datetime(2026, 11, 20, 14, 5, 10, 250_000, tzinfo=TAIPEI))

    assert events_hash([elsewhere], TAIPEI) == events_hash([event()], TAIPEI)
