"""The sample day: a person who has no footage yet sees a day all the same, in their language and timezone."""

import pytest

from daybook.lifelog.script import detect
from support.application.api import Api

DAY = "/api/v1/sample-days/2026-03-08"


@pytest.fixture
def api(ana):
    return Api(ana)


@pytest.mark.parametrize(
    ("language", "script"), [("en", None), ("zh-Hant", "Hant"), ("zh-TW", "Hant"), ("zh-Hans", "Hans")]
)
async def test_it_is_in_the_persons_language_and_day(api, language, script):
    await api.call("PATCH", "/api/v1/me", {"timezone": "Asia/Taipei", "settings": {"language": language}})

    status, made = await api.call("PUT", DAY)
    events = (await api.get("/api/v1/events", day="2026-03-08"))["list"]

    assert (status, made["day"], made["events"]) == (200, "2026-03-08", len(events))
    assert events[0]["start_time"] == "2026-03-07T23:10:00Z"  # ten past seven in Taipei
    assert all(event["is_described"] and event["summary"] and event["duration"] for event in events)
    assert detect("".join(event["summary"] for event in events)) == script


async def test_made_twice_it_is_there_once_and_what_was_edited_stays(api):
    await api.call("PUT", DAY)
    first, *_ = (await api.get("/api/v1/events", day="2026-03-08"))["list"]
    await api.call("PATCH", f"/api/v1/events/{first['id']}", {"summary": "The cat came along."})

    await api.call("PUT", DAY)
    events = (await api.get("/api/v1/events", day="2026-03-08"))["list"]

    assert len(events) == len({event["id"] for event in events}) == 8
    assert events[0]["summary"] == "The cat came along."


async def test_taken_away_it_leaves_the_persons_own_events(api):
    await api.call("PUT", DAY)
    await api.call("POST", "/api/v1/events", {"start_time": "2026-03-08T10:00Z", "summary": "mine"})

    status, _ = await api.call("DELETE", DAY)

    assert status == 204
    assert [event["summary"] for event in (await api.get("/api/v1/events", day="2026-03-08"))["list"]] == [
        "mine"
    ]


async def test_the_days_that_have_it_are_told(api):
    assert await api.get("/api/v1/sample-days") == []
    await api.call("PUT", DAY)
    await api.call("PUT", "/api/v1/sample-days/2026-03-09")
    await api.call("POST", "/api/v1/events", {"start_time": "2026-03-10T10:00Z", "summary": "mine"})

    assert await api.get("/api/v1/sample-days") == ["2026-03-09", "2026-03-08"]
    await api.call("DELETE", "/api/v1/sample-days/2026-03-09")
    assert await api.get("/api/v1/sample-days") == ["2026-03-08"]
