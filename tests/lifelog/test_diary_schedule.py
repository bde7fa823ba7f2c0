"""Pages that are refreshed by themselves: when, which, and once, whoever looks."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from daybook.lifelog.diary.schedule import keep_refreshed, latest_due, refresh_due
from support.lifelog.diary import DAY, TAIPEI, diary_with_author


@pytest_asyncio.fixture
async def diary(database, database_url, tmp_path):
    async with diary_with_author(database, database_url, tmp_path / "data") as diary:
        await diary.set(diary={"auto_refresh": "21:30"})
        yield diary


def at(clock, day=DAY, zone=TAIPEI):
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)


async def days_asked(diary):
    return [job.params["diary_date"] for job in await diary.jobs()]


async def look(diary, moment):
    return await refresh_due(diary.services.database, moment)


async def test_nothing_before_the_time_and_the_page_after_it(diary):
    await diary.event("09:00", "Tea.")
    await look(diary, at("21:29"))
    assert await days_asked(diary) == []  # yesterday's was due, and yesterday has no events

    await look(diary, at("21:30"))
    assert await days_asked(diary) == ["2026-11-20"]


async def test_yesterday_too_where_it_changed_and_no_day_before(diary):
    for back in range(3):
        await diary.event("09:00", "Tea.", DAY - timedelta(days=back))
    await look(diary, at("21:31"))

    assert sorted(await days_asked(diary)) == ["2026-11-19", "2026-11-20"]


async def test_pages_that_are_fresh_are_left_alone(diary):
    await diary.event("09:00", "Tea.")
    await diary.written()
    await look(diary, at("21:31"))

    assert len(await diary.jobs()) == 1


async def test_once_a_day_whatever_changes(diary):
    await diary.event("09:00", "Tea.")
    await look(diary, at("21:31"))
    await diary.work()
    await diary.event("10:00", "Coffee.")
    await look(diary, at("21:32"))
    await look(diary, at("23:59"))
    assert len(await diary.jobs()) == 1

    await look(diary, at("21:30", DAY + timedelta(days=1)))
    assert await days_asked(diary) == ["2026-11-20", "2026-11-20"]


async def test_of_many_workers_one_does_it(diary):
    await diary.event("09:00", "Tea.")
    await diary.event("09:00", "Tea.", DAY - timedelta(days=1))
    asked = await asyncio.gather(*(look(diary, at("21:31")) for _ in range(6)))

    assert sorted(asked) == [0, 0, 0, 0, 0, 2]
    assert len(await diary.jobs()) == 2


async def test_what_was_due_while_no_worker_ran_is_made_up_for(diary):
    await diary.event("09:00", "Tea.")
    await look(diary, at("08:00", DAY + timedelta(days=1)))

    assert await days_asked(diary) == ["2026-11-20"]


async def test_nobody_without_the_setting_and_nobody_who_left(diary):
    await diary.event("09:00", "Tea.")
    await diary.set(diary={"auto_refresh": None})
    assert await look(diary, at("21:31")) == 0
    await diary.set(diary={"auto_refresh": "21:30"})
    async with diary.services.database.write() as session:
        user = await session.get_one(type(diary.user), diary.user.id)
        user.active = False

    assert await look(diary, at("21:31")) == 0


async def test_the_time_is_that_of_the_person(diary):
    await diary.event("09:00", "Tea.")
    await diary.set(timezone="Europe/Berlin")  # the tea was at 2 in the morning there
    await look(diary, at("21:31"))  # 14:31 in Berlin
    assert await days_asked(diary) == []

    await look(diary, at("21:31", zone=ZoneInfo("Europe/Berlin")))
    assert await days_asked(diary) == ["2026-11-20"]


async def test_a_setting_that_is_none_stops_nobody_else(diary):
    await diary.event("09:00", "Tea.")
    async with diary.services.database.write() as session:
        from daybook.accounts.models import User

        session.add(User(account="broken", settings={"diary": {"auto_refresh": "noon"}}))
        session.add(
            User(account="odd", timezone="Mars/Olympus", settings={"diary": {"auto_refresh": "10:00"}})
        )

    assert await look(diary, at("21:31")) == 1


async def test_the_duty_goes_on_until_it_is_stopped(diary, monkeypatch):
    await diary.event("09:00", "Tea.")
    monkeypatch.setattr("daybook.lifelog.diary.schedule.EVERY", timedelta(seconds=0.01))
    clock = {"now": at("21:29")}
    stop = asyncio.Event()
    duty = asyncio.create_task(keep_refreshed(diary.services.database, stop, lambda: clock["now"]))
    await asyncio.sleep(0.2)
    assert await days_asked(diary) == []
    clock["now"] = at("21:30")
    async with asyncio.timeout(10):
        while not await days_asked(diary):
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.wait_for(duty, 5)


# When it is due

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("clock", "moment", "day", "due"),
    [
        # 29 March 2026: clocks jump from 02:00 to 03:00; 25 October: from 03:00 back to 02:00.
        ("02:30", "2026-03-29T00:59Z", "2026-03-28", "2026-03-28T01:30Z"),
        ("02:30", "2026-03-29T01:29Z", "2026-03-28", "2026-03-28T01:30Z"),
        ("02:30", "2026-03-29T01:30Z", "2026-03-29", "2026-03-29T01:30Z"),  # 03:30 there
        ("02:30", "2026-10-25T00:29Z", "2026-10-24", "2026-10-24T00:30Z"),
        ("02:30", "2026-10-25T00:30Z", "2026-10-25", "2026-10-25T00:30Z"),  # the first of the two
        ("02:30", "2026-10-25T01:30Z", "2026-10-25", "2026-10-25T00:30Z"),  # the second is no other
        ("21:30", "2026-03-29T19:30Z", "2026-03-29", "2026-03-29T19:30Z"),
        ("00:00", "2026-11-19T23:00Z", "2026-11-20", "2026-11-19T23:00Z"),
    ],
)
def test_clocks_that_change(clock, moment, day, due):
    def utc(text):
        return datetime.fromisoformat(text)

    assert latest_due(time.fromisoformat(clock), BERLIN, utc(moment)) == (date.fromisoformat(day), utc(due))


def test_every_day_has_one_time_wherever_clocks_change():
    for name in ("Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Taipei"):
        moment, seen = datetime(2026, 1, 1, tzinfo=UTC), []
        while moment < datetime(2027, 1, 1, tzinfo=UTC):
            one = latest_due(time(0, 30), ZoneInfo(name), moment)
            if one not in seen[-1:]:
                seen.append(one)
            moment += timedelta(minutes=30)
        days = [day for day, _ in seen]
        assert days == [days[0] + timedelta(days=number) for number in range(len(days))], name
