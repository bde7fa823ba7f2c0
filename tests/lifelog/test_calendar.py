"""The calendar: days of one's own with what there is of each."""

from datetime import UTC, date, datetime

import pytest

from daybook.lifelog.diary.models import DiaryPage
from daybook.lifelog.recordings.models import Recording
from support.application.api import Api


@pytest.fixture
async def api(ana):
    await ana.patch("/api/v1/me", json={"timezone": "Asia/Taipei"})
    return Api(ana)


@pytest.fixture
async def ana_id(api):
    return (await api.get("/api/v1/me"))["id"]


async def days(api, first, last):
    answer = await api.get("/api/v1/days", **{"from": first, "to": last})
    return answer["days"]


async def made(api, *moments):
    for moment in moments:
        status, _ = await api.call("POST", "/api/v1/events", {"start_time": moment, "summary": "x"})
        assert status == 201


async def test_a_month_has_its_days_with_what_there_is_of_them(api, ana_id, database):
    await made(
        api, "2026-03-07T15:59:59Z", "2026-03-07T16:00:00Z", "2026-03-08T15:59:59Z", "2026-04-01T00:00Z"
    )
    key = f"users/{ana_id}/recordings/1/thumbnail.jpg"
    async with database.write() as session:
        began = datetime(2026, 3, 8, 1, tzinfo=UTC)
        session.add(Recording(user_id=ana_id, start_time=began, thumbnail_s3_key=key))
        session.add(Recording(user_id=ana_id, start_time=began))
        session.add(DiaryPage(user_id=ana_id, diary_date=date(2026, 3, 9), version=1, content="A day."))
        session.add(DiaryPage(user_id=ana_id, diary_date=date(2026, 3, 10), own_text="Mine."))
        session.add(DiaryPage(user_id=ana_id, diary_date=date(2026, 3, 11)))

    found = await days(api, "2026-03-01", "2026-03-31")

    assert [(day["date"], day["events"], day["recordings"], day["has_diary"]) for day in found] == [
        ("2026-03-07", 1, 0, False),
        ("2026-03-08", 2, 2, False),
        ("2026-03-09", 0, 0, True),
        ("2026-03-10", 0, 0, True),
    ]
    assert [day["thumbnail_url"] is not None for day in found] == [False, True, False, False]
    assert found[1]["thumbnail_url"].startswith("/api/v1/files/")


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
async def test_days_on_which_clocks_change(api, day, hours):
    await api.call("PATCH", "/api/v1/me", {"timezone": "Europe/Berlin"})
    number = int(day[8:])
    await made(api, *(f"{day[:8]}{of:02}T{hour:02}:30Z" for of in (number - 1, number) for hour in range(24)))

    found = await days(api, day, day)

    assert [(one["date"], one["events"]) for one in found] == [(day, hours)]


async def test_a_day_that_a_country_skipped_has_nothing(api):
    await api.call("PATCH", "/api/v1/me", {"timezone": "Pacific/Apia"})
    await made(api, "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z")

    found = await days(api, "2011-12-29", "2011-12-31")

    assert [(day["date"], day["events"]) for day in found] == [("2011-12-29", 1), ("2011-12-31", 1)]


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        ("2026-03-02", "2026-03-01", 400),
        ("2026-01-01", "2027-02-05", 400),
        ("0001-01-01", "0001-01-02", 400),
        ("9999-12-30", "9999-12-31", 400),
        ("2026-02-30", "2026-03-01", 422),
    ],
)
async def test_days_that_make_no_sense_are_refused(api, first, last, status):
    assert (await api.call("GET", "/api/v1/days", **{"from": first, "to": last}))[0] == status


async def test_nobody_sees_the_days_of_another(api, admin):
    await made(api, "2026-03-08T01:00Z")

    assert await days(Api(admin), "2026-03-01", "2026-03-31") == []
