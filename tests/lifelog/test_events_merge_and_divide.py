"""Events merged and divided."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from daybook.lifelog.events.models import Event
from daybook.lifelog.recordings.models import Recording
from support.application.api import Api

EVENTS = "/api/v1/events"
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.fixture
def api(ana):
    return Api(ana)


@pytest.fixture
async def ana_id(api):
    return (await api.get("/api/v1/me"))["id"]


@pytest.fixture
def recorded(database, ana_id):
    """Makes a recording of a minute with an undescribed event in each of its six parts."""

    async def make(**fields):
        recording = Recording(user_id=ana_id, start_time=NOON, duration=60.0)
        async with database.write() as session:
            session.add(recording)
            await session.flush()
            events = [
                Event(
                    user_id=ana_id,
                    recording_id=recording.id,
                    start_offset=10.0 * part,
                    start_time=NOON + timedelta(seconds=10 * part),
                    duration=10.0,
                    summary=f"part {part}",
                    origin="extracted",
                    is_described=False,
                    facts={"motion": part / 10, "brightness": 0.5, "sound": -30.0},
                    **fields,
                )
                for part in range(6)
            ]
            session.add_all(events)
        return [str(event.id) for event in events]

    return make


async def made(api, start_time, **fields):
    status, event = await api.call("POST", EVENTS, {"start_time": start_time, **fields})
    assert status == 201, event
    return event


async def merged(api, *ids):
    status, event = await api.call("POST", f"{EVENTS}/merger", {"event_ids": list(ids)})
    assert status == 200, event
    return event


async def test_merging_keeps_the_first_and_everything_that_was_said(api):
    late = await made(
        api,
        "2026-03-08T12:10Z",
        duration=600,
        action="eating",
        scene="a café",
        summary="Cake.",
        objects=["cake", "Cup"],
    )
    early = await made(
        api, "2026-03-08T12:00Z", duration=60, action="walking", summary="To the café.", objects=["cup"]
    )
    inner = await made(api, "2026-03-08T12:11Z", duration=30, action="eating", summary="Cake.")

    event = await merged(api, late["id"], inner["id"], early["id"])

    assert event["id"] == early["id"]
    assert (event["start_time"], event["duration"]) == ("2026-03-08T12:00:00Z", 1200)
    assert (event["action"], event["scene"]) == ("walking; eating", "a café")
    assert (event["summary"], event["objects"]) == ("To the café. Cake.", ["cup", "cake"])
    assert event["edited_at"] is not None
    assert (await api.get(EVENTS))["total"] == 1


async def test_parts_of_one_recording_stay_a_part_of_it(api, recorded):
    parts = await recorded()

    event = await merged(api, parts[3], parts[1])

    assert (event["start_offset"], event["duration"]) == (10.0, 30.0)
    assert event["recording_id"] is not None
    assert event["is_described"] is False
    assert event["facts"] == {"motion": pytest.approx(0.2), "brightness": 0.5, "sound": pytest.approx(-30.0)}
    assert event["summary"] == "Video of 30 s: much movement, with sound."


async def test_words_win_over_measurements(api, recorded):
    parts = await recorded()
    await api.call("PATCH", f"{EVENTS}/{parts[2]}", {"summary": "A dog."})

    event = await merged(api, parts[1], parts[2])

    assert (event["summary"], event["is_described"]) == ("A dog.", True)


async def test_events_of_two_recordings_belong_to_none_when_merged(api, recorded):
    one, other = await recorded(), await recorded()

    event = await merged(api, one[0], other[5])

    assert (event["recording_id"], event["start_offset"], event["duration"]) == (None, None, 60.0)


async def test_what_cannot_be_merged_is_left_as_it_was(api):
    event = await made(api, "2026-03-08T12:00Z", summary="x" * 4000)
    other = await made(api, "2026-03-08T12:01Z", summary="y" * 4000)
    ancient = await made(api, "1990-03-08T12:01Z", summary="long ago")

    for ids, code in (
        ([event["id"]] * 2, "one_event"),
        ([event["id"], other["id"]], "summary_too_long"),
        ([ancient["id"], event["id"]], "event_too_long"),
    ):
        status, answer = await api.call("POST", f"{EVENTS}/merger", {"event_ids": ids})
        assert (status, answer["error"]["code"]) == (400, code)
    missing = str(UUID(int=1))
    status, _ = await api.call("POST", f"{EVENTS}/merger", {"event_ids": [event["id"], missing]})
    assert status == 404
    assert (await api.call("POST", f"{EVENTS}/merger", {"event_ids": [event["id"]]}))[0] == 422
    assert (await api.get(EVENTS))["total"] == 3


async def test_dividing_leaves_two_that_follow_each_other(api, recorded):
    parts = await recorded()

    status, both = await api.call("POST", f"{EVENTS}/{parts[1]}/division", {"at": 4})

    assert status == 200
    first, second = both["first"], both["second"]
    assert first["id"] == parts[1] != second["id"]
    assert (first["start_offset"], first["duration"]) == (10, 4)
    assert (second["start_offset"], second["duration"]) == (14, 6)
    assert (first["start_time"], second["start_time"]) == ("2026-03-08T12:00:10Z", "2026-03-08T12:00:14Z")
    assert first["recording_id"] == second["recording_id"] is not None
    assert first["summary"] == "Video of 4 s: some movement, with sound."
    assert first["edited_at"] is not None
    assert second["edited_at"] is not None


async def test_both_parts_keep_the_words(api):
    event = await made(api, "2026-03-08T12:00Z", duration=60, summary="Cake.", objects=["cup"])

    _, both = await api.call("POST", f"{EVENTS}/{event['id']}/division", {"at": 59.5})

    assert [(part["summary"], part["objects"]) for part in both.values()] == [("Cake.", ["cup"])] * 2
    assert (
        await merged(api, both["first"]["id"], both["second"]["id"])
        | {
            "edited_at": None,
            "updated_at": None,
        }
        == event
    )


@pytest.mark.parametrize("at", [0.05, 59.99, 60, 1e12])
async def test_an_event_is_cut_inside_or_not_at_all(api, at):
    event = await made(api, "2026-03-08T12:00Z", duration=60, summary="Cake.")

    status, answer = await api.call("POST", f"{EVENTS}/{event['id']}/division", {"at": at})

    assert (status, answer["error"]["code"]) == (400, "cut_outside_event")
    assert answer["error"]["details"] == {"count": 60}
    assert (await api.get(EVENTS))["total"] == 1


async def test_an_event_without_length_has_no_halves(api):
    event = await made(api, "2026-03-08T12:00Z", summary="A thought.")

    status, _ = await api.call("POST", f"{EVENTS}/{event['id']}/division", {"at": 1})

    assert status == 400


async def test_a_part_of_a_recording_can_be_moved_within_it_only(api, recorded):
    parts = await recorded()

    status, moved = await api.call("PATCH", f"{EVENTS}/{parts[1]}", {"start_time": "2026-03-08T12:00:12Z"})
    assert (status, moved["start_offset"]) == (200, 12.0)

    status, answer = await api.call("PATCH", f"{EVENTS}/{parts[1]}", {"start_time": "2026-03-08T12:01:00Z"})
    assert (status, answer["error"]["code"]) == (400, "outside_recording")


async def test_two_who_wait_for_each_other_do_not_fail_as_if_daybook_were_broken(api, database):
    one = await made(api, "2026-03-08T12:00Z", summary="one")
    other = await made(api, "2026-03-08T12:01Z", summary="other")
    low, high = sorted((one["id"], other["id"]))

    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL deadlock_timeout = '1min'"))  # the other one is to be ended
        await connection.execute(LOCK, {"id": high})
        merging = asyncio.create_task(
            api.call("POST", f"{EVENTS}/merger", {"event_ids": [one["id"], other["id"]]})
        )
        while not await _is_locked(database, low):
            await asyncio.sleep(0.02)
        await connection.execute(LOCK, {"id": low})
        status, answer = await merging

    assert (status, answer["error"]["code"]) == (409, "conflict")
    await merged(api, one["id"], other["id"])


LOCK = text("SELECT id FROM events WHERE id = CAST(:id AS uuid) FOR UPDATE")


async def _is_locked(database, event_id):
    async with database.read() as session:
        found = await session.scalar(text(f"{LOCK.text} SKIP LOCKED"), {"id": event_id})
        return found is None
