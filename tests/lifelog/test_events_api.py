"""Events as a person meets them at the API: made, listed by their own days, changed, deleted."""

from datetime import UTC, datetime

import pytest

from daybook.lifelog.events.models import Event
from support.application.api import Api

EVENTS = "/api/v1/events"


@pytest.fixture
def api(ana):
    return Api(ana)


@pytest.fixture
async def in_taipei(api):
    status, _ = await api.call("PATCH", "/api/v1/me", {"timezone": "Asia/Taipei"})
    assert status == 200
    return api


async def made(api, start_time, summary="something", **fields):
    status, event = await api.call("POST", EVENTS, {"start_time": start_time, "summary": summary, **fields})
    assert status == 201, event
    return event


async def summaries(api, **query):
    return [event["summary"] for event in (await api.get(EVENTS, **query))["list"]]


async def test_an_event_made_by_hand_is_answered_as_it_was_meant(in_taipei):
    event = await made(
        in_taipei,
        "2026-03-08T07:30",  # no offset: local time
        "  Breakfast\u0000\nwith Ana ",
        duration=1800,
        action="eating\n",
        scene=" kitchen ",
        objects=["cup", "Cup", " ", "bread"],
    )

    assert event["start_time"] == "2026-03-07T23:30:00Z"
    assert event["summary"] == "Breakfast \nwith Ana"
    assert (event["action"], event["scene"], event["objects"]) == ("eating", "kitchen", ["cup", "bread"])
    assert (event["origin"], event["is_described"], event["edited_at"]) == ("manual", True, None)
    assert await in_taipei.get(f"{EVENTS}/{event['id']}") == event


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"summary": "no time"}, "start_time"),
        ({"start_time": None, "summary": "no time"}, "start_time"),
        ({"start_time": "1066-10-14T09:00Z", "summary": "long ago"}, "start_time"),
        ({"start_time": "2026-03-08T07:30Z", "duration": -1, "summary": "x"}, "duration"),
        ({"start_time": "2026-03-08T07:30Z", "duration": 1e300, "summary": "x"}, "duration"),
        ({"start_time": "2026-03-08T07:30Z", "summary": "x" * 4001}, "summary"),
        ({"start_time": "2026-03-08T07:30Z", "objects": ["x"] * 51}, "objects"),
        ({"start_time": "2026-03-08T07:30Z", "origin": "extracted"}, "origin"),
    ],
)
async def test_what_cannot_be_an_event_is_refused_by_its_field(api, body, field):
    status, answer = await api.call("POST", EVENTS, body)

    assert (status, answer["error"]["code"]) == (422, "invalid_request")
    assert answer["error"]["message"].startswith(field)


async def test_an_event_needs_words(api):
    status, answer = await api.call("POST", EVENTS, {"start_time": "2026-03-08T07:30Z", "summary": "  "})

    assert (status, answer["error"]["code"]) == (400, "empty_event")


async def test_events_of_a_day_are_those_between_local_midnights_in_order(in_taipei):
    await made(in_taipei, "2026-03-08T16:00:00Z", "the next day")
    await made(in_taipei, "2026-03-08T15:59:59.999Z", "the last moment")
    await made(in_taipei, "2026-03-07T16:00:00Z", "midnight")
    await made(in_taipei, "2026-03-07T15:59:59Z", "the day before")

    assert await summaries(in_taipei, day="2026-03-08") == ["midnight", "the last moment"]
    assert await summaries(in_taipei, **{"from": "2026-03-07", "to": "2026-03-07"}) == ["the day before"]
    assert await summaries(in_taipei, **{"from": "2026-03-08"}) == [
        "midnight",
        "the last moment",
        "the next day",
    ]


async def test_a_traveller_sees_the_same_events_on_other_days(in_taipei):
    await made(in_taipei, "2026-03-07T23:30:00Z", "take-off")
    assert await summaries(in_taipei, day="2026-03-08") == ["take-off"]

    await in_taipei.call("PATCH", "/api/v1/me", {"timezone": "America/Los_Angeles"})

    assert await summaries(in_taipei, day="2026-03-08") == []
    assert await summaries(in_taipei, day="2026-03-07") == ["take-off"]


@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)])
async def test_days_on_which_clocks_change_have_all_their_hours(api, day, count):
    await api.call("PATCH", "/api/v1/me", {"timezone": "Europe/Berlin"})
    month, number = day[5:7], int(day[8:])
    for of_month in (number - 1, number, number + 1):
        for hour in range(24):
            await made(api, f"2026-{month}-{of_month:02}T{hour:02}:00Z")

    assert (await api.get(EVENTS, day=day))["total"] == count


async def test_lists_come_in_pages_that_hold_everything_once(api):
    for minute in range(5):
        await made(api, "2026-03-08T07:30Z", f"event {minute}")  # all at the same time

    pages = [await api.get(EVENTS, page=page, page_size=2) for page in (1, 2, 3, 4)]

    assert [page["has_more"] for page in pages] == [True, True, False, False]
    assert {event["summary"] for page in pages for event in page["list"]} == {f"event {n}" for n in range(5)}
    assert {page["total"] for page in pages} == {5}


@pytest.mark.parametrize(
    "query",
    [
        {"day": "2026-02-30"},
        {"day": "0001-01-01"},
        {"day": "9999-12-31"},
        {"day": "2026-03-08", "from": "2026-03-01"},
        {"recording_id": "x"},
        {"q": "x" * 201},
        {"page": 0},
    ],
)
async def test_questions_that_make_no_sense_are_refused(in_taipei, query):
    status, answer = await in_taipei.call("GET", EVENTS, **query)

    assert status in {400, 422}, answer


async def test_a_change_is_remembered_as_the_persons_own(api):
    event = await made(api, "2026-03-08T07:30Z", "brakfast", scene="kitchen")

    status, changed = await api.call(
        "PATCH", f"{EVENTS}/{event['id']}", {"summary": "breakfast", "scene": None}
    )

    assert status == 200
    assert (changed["summary"], changed["scene"], changed["start_time"]) == (
        "breakfast",
        None,
        event["start_time"],
    )
    assert changed["edited_at"] is not None
    assert changed["updated_at"] is not None
    assert await summaries(api, q="breakfast") == ["breakfast"]
    assert await summaries(api, q="kitchen") == []


async def test_sending_nothing_changes_nothing(api):
    event = await made(api, "2026-03-08T07:30Z")

    assert await api.call("PATCH", f"{EVENTS}/{event['id']}", {}) == (200, event)


async def test_an_event_keeps_its_time(api):
    event = await made(api, "2026-03-08T07:30Z")

    status, answer = await api.call("PATCH", f"{EVENTS}/{event['id']}", {"start_time": None})

    assert (status, answer["error"]["message"]) == (400, "start_time: an event needs a time.")


async def test_a_deleted_event_is_gone(api):
    event = await made(api, "2026-03-08T07:30Z")

    assert await api.call("DELETE", f"{EVENTS}/{event['id']}") == (204, None)

    assert (await api.call("GET", f"{EVENTS}/{event['id']}"))[0] == 404
    assert (await api.call("DELETE", f"{EVENTS}/{event['id']}"))[0] == 404
    assert await summaries(api) == []


async def test_nobody_meets_the_events_of_another_person(api, admin, browsers):
    event = await made(api, "2026-03-08T07:30Z")
    await admin.post("/api/v1/admin/users", json={"account": "ben", "password": "battery staple"})
    ben = Api(await browsers.sign_in("ben", "battery staple"))
    other = await made(ben, "2026-03-08T07:30Z", "mine")

    assert await summaries(ben) == ["mine"]
    assert await summaries(ben, q="something") == []
    for method, tail, body in [
        ("GET", "", None),
        ("PATCH", "", {"summary": "stolen"}),
        ("DELETE", "", None),
        ("POST", "/division", {"at": 1}),
    ]:
        status, answer = await ben.call(method, f"{EVENTS}/{event['id']}{tail}", body)
        assert (status, answer["error"]["code"]) == (404, "no_such_event"), method
    status, _ = await ben.call("POST", f"{EVENTS}/merger", {"event_ids": [event["id"], other["id"]]})
    assert status == 404
    assert await api.get(f"{EVENTS}/{event['id']}") == event


async def test_without_a_sign_in_there_are_no_events(visitor):
    assert (await visitor.get(EVENTS)).status_code == 401


async def test_what_was_measured_is_said_in_the_language_that_the_reader_has_now(api, database):
    measured = {
        "user_id": (await api.get("/api/v1/me"))["id"],
        "start_time": datetime(2026, 3, 8, 12, tzinfo=UTC),
        "duration": 2400.0,
        "facts": {"motion": 0.5, "brightness": 0.4, "sound": -30.0},
    }
    async with database.write() as session:
        session.add(Event(**measured, summary="Found in some other language.", is_described=False))
        session.add(Event(**measured, summary="A train comes.", is_described=True))

    for language, words in (
        ("en", "Video of 40 min: much movement, with sound."),
        ("zh-Hant", "40 分鐘的影片：動作很多，有聲音。"),
    ):
        await api.call("PATCH", "/api/v1/me", {"settings": {"language": language}})
        assert sorted(await summaries(api)) == sorted([words, "A train comes."])
