"""The diary as a program meets it."""

import pytest
import pytest_asyncio

from daybook.settings import Settings
from support.application.api import Api
from support.application.apps import open_app
from support.lifelog.diary import Author, add_model, open_diary

PAGE = "/api/v1/diary/2026-11-20"


@pytest_asyncio.fixture
async def author():
    server = Author()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data", diary_model="author")


@pytest.fixture
def app(database, settings):
    return open_app(database, settings)


@pytest_asyncio.fixture
async def diary(ana, database, database_url, settings, author):
    """Ana's diary, and an event in it."""
    await add_model(database, settings, author.url + "/v1")
    async with open_diary(database, database_url, settings) as diary:
        await diary.event("09:00", "Tea with Ben.")
        yield diary


@pytest.fixture
def api(ana):
    return Api(ana)


async def test_asked_for_followed_and_read(diary, api, ana, author):
    answer = await ana.post(f"{PAGE}/generation")
    assert answer.status_code == 202
    job_id = answer.json()["job_id"]
    assert answer.headers["location"] == f"/api/v1/jobs/{job_id}"
    waiting = await api.get(PAGE)
    assert (waiting["version"], waiting["content"], waiting["job"]["status"]) == (0, None, "pending")
    assert (await ana.post(f"{PAGE}/generation", json={"force_refresh": True})).json() == {"job_id": job_id}

    await diary.work()
    written = await api.get(PAGE)
    assert written["content"] == "Tea with Ben."
    assert written["citations"][0]["events"]
    assert (written["is_stale"], written["job"], written["events_count"]) == (False, None, 1)
    answer = await ana.post(f"{PAGE}/generation", json={})
    assert (answer.status_code, answer.json()) == (200, written)
    assert len(author.received) == 1


async def test_versions_and_own_text(diary, api):
    await diary.written()
    await diary.written(force=True)

    assert [one["version"] for one in await api.get(f"{PAGE}/versions")] == [2, 1]
    assert (await api.get(f"{PAGE}/versions/1"))["content"] == "Tea with Ben."
    status, answer = await api.call("GET", f"{PAGE}/versions/3")
    assert (status, answer["error"]["code"]) == (404, "no_such_version")

    status, kept = await api.call("PUT", f"{PAGE}/own-text", {"version": 1})
    assert (status, kept["own_text"]) == (200, "Tea with Ben.")
    status, kept = await api.call("PUT", f"{PAGE}/own-text", {"text": "Tea.\x00 With Ben!"})
    assert (status, kept["own_text"], kept["content"]) == (200, "Tea.\\u0000 With Ben!", "Tea with Ben.")
    assert kept["own_text_updated_at"] is not None
    status, kept = await api.call("PUT", f"{PAGE}/own-text", {})
    assert (status, kept["own_text"]) == (200, None)
    status, _ = await api.call("PUT", f"{PAGE}/own-text", {"text": "x", "version": 1})
    assert status == 400
    status, _ = await api.call("PUT", f"{PAGE}/own-text", {"version": 9})
    assert status == 404
    status, _ = await api.call("PUT", f"{PAGE}/own-text", {"text": "x" * 100_001})
    assert status == 422


async def test_own_text_needs_no_page(diary, api):
    status, kept = await api.call("PUT", "/api/v1/diary/2026-11-21/own-text", {"text": "Nothing was filmed."})

    assert (status, kept["own_text"], kept["version"], kept["is_stale"]) == (
        200,
        "Nothing was filmed.",
        0,
        False,
    )


async def test_the_list(diary, api):
    await diary.written()
    await api.call("PUT", "/api/v1/diary/2026-11-18/own-text", {"text": "A day off."})
    found = await api.get("/api/v1/diary", **{"from": "2026-11-01", "to": "2026-11-30"})

    assert [(one["date"], one["excerpt"], one["has_own_text"], one["is_stale"]) for one in found["list"]] == [
        ("2026-11-20", "Tea with Ben.", False, False),
        ("2026-11-18", "A day off.", True, False),
    ]
    assert found["total"] == 2
    await diary.event("10:00", "Coffee.")
    found = await api.get("/api/v1/diary", **{"from": "2026-11-20", "to": "2026-11-20", "page_size": 1})
    assert [one["is_stale"] for one in found["list"]] == [True]
    for first, last in (("2026-11-30", "2026-11-01"), ("0001-01-01", "9999-12-31"), ("x", "y")):
        status, _ = await api.call("GET", "/api/v1/diary", **{"from": first, "to": last})
        assert status in {400, 422}


async def test_everybody_has_their_own(diary, api, browsers, admin):
    await diary.written()
    await api.call("PUT", f"{PAGE}/own-text", {"text": "Mine."})
    other = Api(admin)

    page = await other.get(PAGE)
    assert (page["content"], page["own_text"], page["version"], page["events_count"]) == (None, None, 0, 0)
    assert await other.get(f"{PAGE}/versions") == []
    assert (await other.call("GET", f"{PAGE}/versions/1"))[0] == 404
    assert (await other.call("PUT", f"{PAGE}/own-text", {"version": 1}))[0] == 404
    assert (await other.get("/api/v1/diary", **{"from": "2026-11-01", "to": "2026-11-30"}))["total"] == 0
    stranger = Api(await browsers.open())
    assert (await stranger.call("GET", PAGE))[0] == 401


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "0001-01-01", "9999-12-31", "20261120T00", "-1"])
async def test_days_that_are_none_are_refused_with_words(diary, api, day):
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/generation", None),
        ("PUT", "/own-text", {"text": "x"}),
    ):
        status, answer = await api.call(method, f"/api/v1/diary/{day}{path}", body)
        # Some of them are days, only without anything: nothing is a 500.
        assert status in {200, 202, 400, 422}, answer
        assert status < 400 or answer["error"]["message"]


@pytest.mark.parametrize("day", ["0", "1764547200", "2026-2-1", "2026-02-30", "today", "2026-11-20T00:00"])
async def test_a_day_is_written_as_one(ana, day):
    asked = await ana.post(f"/api/v1/diary/{day}/generation", json={})
    looked = await ana.get("/api/v1/events", params={"day": day})

    assert (asked.status_code, looked.status_code) == (422, 422)
    assert "a day is written like 2026-11-20" in looked.text or day == "2026-02-30"
