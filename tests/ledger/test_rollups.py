"""Rollups are the sums of the lines, and statistics that are read from them say what the lines say."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from sqlalchemy import make_url, text

from daybook.db.engine import Database
from daybook.db.migrate import upgrade_async
from daybook.ledger import service
from daybook.ledger.models import Line
from daybook.ledger.rollups import statistics
from daybook.ledger.rollups.models import DURATIONS
from daybook.ledger.rollups.statistics import stretches
from daybook.ledger.verification.verify import verify
from llm_tracker import queries
from llm_tracker.arguments import DateRange, parse_range
from llm_tracker.ids import uuid7
from support.book import write_line

ZONES = (
    "UTC",
    "Asia/Taipei",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "America/New_York",
)


async def sql(database, statement, **values):
    async with database.write() as session:
        result = await session.execute(text(statement), values)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []


def dsn_of(url):
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


# Statistics


def some_line(chance):
    """A line of the year 2026; most of them near midnights of some zone and near changes of clocks."""
    start = datetime(2026, chance.choice((1, 3, 10, 11)), chance.choice((1, 2, 8, 28, 29)), tzinfo=UTC)
    moment = start + timedelta(minutes=chance.randrange(72 * 60), microseconds=chance.randrange(2))
    prompt, completion = chance.randrange(1000), chance.randrange(100)
    return Line(
        id=uuid7(),
        created_at=moment,
        user_id=chance.choice((None, 1, 2)),
        group_id=chance.choice((None, 1)),
        code=chance.choice((None, "db_a", "db_b")),
        model=chance.choice(("m", "n", "o")),
        provider=chance.choice((None, "openai")),
        source=chance.choice(("gateway", "library")),
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=prompt // 2,
        reasoning_tokens=completion // 3,
        cost=chance.choice((None, Decimal("0.000000123"), Decimal("1.50"))),
        success=chance.random() < 0.8,
        is_estimated=chance.random() < 0.2,
        duration_ms=chance.choice((None, chance.randrange(600_000))),
    )


def some_range(chance):
    def moment():
        day = datetime(2026, chance.choice((1, 3, 10, 11)), chance.choice((1, 2, 3, 9, 29)), tzinfo=UTC)
        return day + timedelta(minutes=chance.choice((0, 0, 60, 23 * 60, 30, 90, 1439, 17)))

    start, end = sorted((moment(), moment()))
    start, end = chance.choice(((start, end), (start, None), (None, end), (None, None), (start, start)))
    return (
        DateRange(start, end)
        if start != end or start is None
        else DateRange(start, start + timedelta(minutes=7))
    )


async def from_lines(session, dates, user_id, zone):
    """What the library's own statements say of the lines."""
    where = queries.conditions(Line, dates, user_id=user_id)

    async def rows(query, shape):
        return [shape(row) for row in (await session.execute(query)).mappings()]

    return {
        "summary": await rows(queries.summary_query(Line, *where), queries.summary_row),
        "model": await rows(queries.by_model_query(Line, *where), queries.model_row),
        "zone": await rows(
            queries.by_day_query(Line, *where, timezone=zone), lambda row: queries.day_row(row, zone)
        ),
        **{
            unit: await rows(
                queries.time_series_query(Line, *where, granularity=unit),
                lambda row, unit=unit: queries.bucket_row(row, unit),
            )
            for unit in ("hour", "day", "month")
        },
    }


async def from_rollups(session, dates, user_id, zone):
    series = {
        unit: [
            queries.bucket_row(row, unit)
            for row in await statistics.time_series(session, dates, user_id, unit)
        ]
        for unit in ("hour", "day", "month")
    }
    days = await statistics.by_day(session, dates, user_id, zone)
    return {
        "summary": [queries.summary_row(await statistics.summary(session, dates, user_id))],
        "model": [queries.model_row(row) for row in await statistics.by_model(session, dates, user_id)],
        "zone": [queries.day_row(row, zone) for row in days],
        **series,
    }


async def test_statistics_say_what_the_lines_say(database):
    chance = random.Random(20260131)
    async with database.write() as session:
        session.add_all([some_line(chance) for _ in range(1500)])
    async with database.read() as session:
        for _ in range(60):
            dates, user_id, zone = some_range(chance), chance.choice((None, 1, 2, 3)), chance.choice(ZONES)
            told = await from_rollups(session, dates, user_id, zone)
            assert told == await from_lines(session, dates, user_id, zone), (dates, user_id, zone)
            for unit in ("hour", "day", "month"):
                assert await overview(session, dates, user_id, unit) == {
                    name: told[name] for name in ("summary", "model", unit)
                }


async def overview(session, dates, user_id, unit):
    found = await statistics.overview(session, dates, user_id, unit)
    return {
        "summary": [queries.summary_row(found.summary)],
        "model": [queries.model_row(row) for row in found.by_model],
        unit: [queries.bucket_row(row, unit) for row in found.series],
    }


async def test_an_overview_of_nothing_is_zeros(database):
    async with database.read() as session:
        told = await overview(session, DateRange(), None, "day")
    assert told["summary"][0]["total_calls"] == 0
    assert told["model"] == told["day"] == []


@pytest.mark.parametrize("user_id", [None, 1])
async def test_full_hours_are_not_read_from_lines(database, user_id):
    """A wrong rollup is seen in statistics of full hours and days, and only there."""
    await write_line(database, "2026-01-31T10:10", user_id=1)
    await sql(database, "UPDATE ledger_hours SET calls = 100")
    await sql(database, "UPDATE ledger_days SET calls = 1000")
    await sql(database, "UPDATE ledger_periods SET calls = CASE period WHEN 'day' THEN 1000 ELSE 100 END")

    async def calls(start, end):
        async with database.read() as session:
            return (await statistics.summary(session, parse_range(start, end), user_id))["total_calls"]

    assert await calls("2026-01-31", "2026-01-31") == 1000
    assert await calls("2026-01-31T10:00Z", "2026-01-31T11:00Z") == 100
    assert await calls("2026-01-31T10:01Z", "2026-01-31T10:59Z") == 1
    async with database.read() as session:
        days = await service.by_day(session, user_id=user_id)
        assert [day.total_calls for day in days] == [1000]


def test_a_stretch_is_cut_at_full_hours_and_midnights():
    def cut(start, end, *, days=True):
        dates = DateRange(
            *(moment and datetime.fromisoformat(f"2026-01-{moment}Z") for moment in (start, end))
        )
        return {
            (what, *(moment and f"{moment:%dT%H:%M}" for moment in ends))
            for what, *ends in stretches(dates, days=days)
        }

    assert cut(None, None) == {("days", None, None)}
    assert cut(None, None, days=False) == {("hours", None, None)}
    assert cut("01T00:00", "03T00:00") == {("days", "01T00:00", "03T00:00")}
    assert cut("01T10:15", "03T02:30") == {
        ("lines", "01T10:15", "01T11:00"),
        ("hours", "01T11:00", "02T00:00"),
        ("days", "02T00:00", "03T00:00"),
        ("hours", "03T00:00", "03T02:00"),
        ("lines", "03T02:00", "03T02:30"),
    }
    assert cut("01T10:15", "01T10:45") == {("lines", "01T10:15", "01T10:45")}
    assert cut("01T10:15", "01T11:45") == {
        ("lines", "01T10:15", "01T11:00"),
        ("lines", "01T11:00", "01T11:45"),
    }
    assert cut("01T10:00", "01T22:00") == {("hours", "01T10:00", "01T22:00")}
    last = datetime.max.replace(tzinfo=UTC)
    assert [what for what, *_ in stretches(DateRange(last, None), days=True)]


# The trigger


async def test_what_has_no_user_group_or_code_has_one_row_too(database):
    for _ in range(3):
        await write_line(database, "2026-01-31T10:10")
    rows = await sql(database, "SELECT calls, total_tokens FROM ledger_hours")
    assert rows == [{"calls": 3, "total_tokens": 45}]


async def test_durations_are_counted_in_their_places(database):
    for duration in (None, 0, 9, 10, 19, 20, 499_999, 500_000, 2**31 - 1):
        await write_line(database, "2026-01-31T10:10", duration_ms=duration)
    places = [2 + 0, 2, 1] + [0] * (len(DURATIONS) - 4) + [1, 2]
    for relation in ("ledger_hours", "ledger_days", "ledger_periods"):
        for row in await sql(database, f"SELECT durations FROM {relation}"):
            assert [int(count) for count in row["durations"]] == places


async def test_days_are_those_of_utc(database):
    for at in ("2026-01-31T00:00", "2026-01-31T23:59:59.999999", "2026-02-01T00:00"):
        await write_line(database, at, user_id=1, cost="0.1")
    rows = await sql(database, "SELECT day, calls, cost FROM ledger_days ORDER BY day")
    assert [(f"{row['day']:%d}", row["calls"], row["cost"]) for row in rows] == [
        ("31", 2, Decimal("0.2")),
        ("01", 1, Decimal("0.1")),
    ]


async def test_batches_that_touch_the_same_rows_at_once_do_not_deadlock(database, database_url):
    """There are no such users, whose rows would be locked before the rollups are."""

    async def copy(backwards):
        connection = await asyncpg.connect(dsn_of(database_url))
        hours = [datetime(2026, 1, 31, hour, tzinfo=UTC) for hour in range(10)]
        for _ in range(8):
            lines = [(uuid7(), user, f"m{user % 3}", 1, 1, 2, hours[user % 10]) for user in range(1, 21)]
            async with connection.transaction():
                await connection.copy_records_to_table(
                    "llm_tracker_usage",
                    records=lines[::-1] if backwards else lines,
                    columns=(
                        "id",
                        "user_id",
                        "model",
                        "prompt_tokens",
                        "completion_tokens",
                        "total_tokens",
                        "created_at",
                    ),
                )
        await connection.close()

    await asyncio.gather(*(copy(number % 2) for number in range(6)))
    assert (await verify(database)).differences == []
    rows = await sql(database, "SELECT sum(calls) AS calls FROM ledger_hours")
    assert rows[0]["calls"] == 6 * 8 * 20


async def test_lines_that_are_there_already_are_rolled_up(databases):
    async with databases.copy("template0") as url:
        await upgrade_async(url, "0001")
        connection = await asyncpg.connect(dsn_of(url))
        await connection.execute(
            """
            INSERT INTO llm_tracker_usage (id, user_id, model, prompt_tokens, total_tokens, cost, created_at)
            SELECT gen_random_uuid(), n % 3, 'm' || n % 2, n, n, n / 7.0,
                '2026-01-31Z'::timestamptz + n * interval '7 min'
            FROM generate_series(1, 500) AS n
            """
        )
        await connection.close()
        await upgrade_async(url)
        database = Database.connect(url)
        try:
            found = await verify(database)
            assert (found.differences, found.lines) == ([], 500)
        finally:
            await database.close()
