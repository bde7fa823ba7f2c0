"""Rollups are the sums of the lines, and statistics that are read from them say what the lines say."""

import asyncio
import math
import random
from bisect import bisect_right
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
from daybook.ledger.rollups.latency import percentiles
from daybook.ledger.rollups.models import DURATIONS
from daybook.ledger.rollups.parts import Wanted
from daybook.ledger.rollups.ranges import ranges
from daybook.ledger.verification.verify import verify
from llm_tracker import queries
from llm_tracker.arguments import DateRange, parse_range
from llm_tracker.ids import uuid7
from support.ledger.lines import write_line

DETAILED_AND_CUBE = tuple((f"ledger_{what}", 1) for what in ("hours", "days", "cube_hours", "cube_days"))
DIMENSIONS = (("ledger_dimension_hours", 2), ("ledger_dimension_days", 2))
"""The tables, and in how many rows a line is."""

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
        group_id=chance.choice((None, 1, 2)),
        code=chance.choice((None, "db_a", "db_b")),
        model=chance.choice(("m", "n", "o")),
        provider=chance.choice((None, "openai")),
        source=chance.choice(("gateway", "library", "diary")),
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


KINDS = {"by_model": "model", "by_group": "group_id", "by_source": "source"}
UNITS = {
    "hour": {"minute": 0, "second": 0, "microsecond": 0},
    "day": {"hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "month": {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
}


def some_wanted(chance):
    return Wanted(
        chance.choice((None, None, 1, 2)),
        chance.choice((None, None, "m", "p")),
        chance.choice((None, None, 1, 9)),
        chance.choice((None, None, "gateway", "nobody")),
    )


def added_up(lines):
    """The figures of these lines, one by one."""
    histogram = [0] * (len(DURATIONS) + 1)
    for line in lines:
        if line.duration_ms is not None:
            histogram[bisect_right(DURATIONS, line.duration_ms)] += 1
    priced = [line.cost for line in lines if line.cost is not None]
    return {
        "total_calls": len(lines),
        "successful_calls": sum(line.success for line in lines),
        "total_prompt_tokens": sum(line.prompt_tokens for line in lines),
        "total_completion_tokens": sum(line.completion_tokens for line in lines),
        "total_tokens": sum(line.total_tokens for line in lines),
        "total_cached_tokens": sum(line.cached_tokens for line in lines),
        "total_reasoning_tokens": sum(line.reasoning_tokens for line in lines),
        "cost": sum(priced) if priced else None,
        "unpriced_calls": len(lines) - len(priced),
        "estimated_calls": sum(line.is_estimated for line in lines),
        "durations": histogram,
    }


def by(lines, key):
    """The figures of the lines by a key of theirs."""
    found = {}
    for line in lines:
        found.setdefault(key(line), []).append(line)
    return {name: added_up(some) for name, some in found.items()}


async def test_a_dashboard_says_what_the_lines_say_whatever_is_asked_for(database):
    chance = random.Random(20260228)
    async with database.write() as session:
        lines = [some_line(chance) for _ in range(1500)]
        session.add_all(lines)
    filters = [Wanted(), Wanted(model="m"), Wanted(group_id=1), Wanted(source="gateway"), Wanted(1)]
    filters += [some_wanted(chance) for _ in range(55)]
    async with database.read() as session:
        for wanted in filters:
            dates, unit = some_range(chance), chance.choice(list(UNITS))
            found = await statistics.overview(session, dates, unit, wanted)

            some = [
                line
                for line in lines
                if (dates.start is None or line.created_at >= dates.start)
                and (dates.end is None or line.created_at < dates.end)
                and all(value is None or getattr(line, name) == value for name, value in vars_of(wanted))
            ]
            assert figures(found.summary) == added_up(some), (dates, wanted)
            if wanted == Wanted(wanted.user_id):
                rows = await statistics.by_source(session, dates, wanted.user_id)
                told = {row["source"]: queries.summary_row(row) for row in rows}
                assert told == {row["name"]: queries.summary_row(row) for row in found.by_source}
            for kind, column in KINDS.items():
                rows = getattr(found, kind)
                told = {row["name"]: figures(row) for row in rows}
                expected = by(some, lambda line, column=column: str(getattr(line, column) or ""))
                assert told == expected, (dates, wanted, kind)
                order = [(-row["total_tokens"], row["name"]) for row in rows]
                assert order == sorted(order)
            told = {row["bucket"]: figures(row) for row in found.series}
            assert told == by(some, lambda line, unit=unit: line.created_at.replace(**UNITS[unit]))
            assert [*told] == sorted(told)


def vars_of(wanted):
    return [(name, getattr(wanted, name)) for name in ("user_id", "model", "group_id", "source")]


def figures(row):
    told = {name: row[name] for name in added_up([])}
    return {**told, "durations": [int(count) for count in told["durations"]]}


def test_a_percentile_is_in_the_place_of_the_true_one():
    chance = random.Random(7)
    for _ in range(200):
        longest = chance.choice((9, 150, 40_000, 499_999, 2_000_000))
        times = sorted(chance.randrange(longest) for _ in range(chance.randrange(1, 50)))
        histogram = [0] * (len(DURATIONS) + 1)
        for time in times:
            histogram[bisect_right(DURATIONS, time)] += 1
        told = percentiles(histogram)
        for percent, estimate in ((50, told.p50), (90, told.p90), (99, told.p99)):
            true = times[math.ceil(len(times) * percent / 100) - 1]
            place = bisect_right(DURATIONS, true)
            start, end = (0, *DURATIONS)[place], (*DURATIONS, DURATIONS[-1])[place]
            assert start <= estimate <= end


def test_percentiles_lie_evenly_within_a_place():
    def told(**counts):
        found = percentiles([counts.get(f"to_{end}", 0) for end in (*DURATIONS, "ever")])
        return found and (found.p50, found.p90, found.p99)

    assert told() is None
    assert told(to_100=10) == (75, 95, 100)
    assert told(to_10=1) == (5, 9, 10)
    assert told(to_100=50, to_500000=50) == (100, 440_000, 494_000)
    assert told(to_20=1, to_ever=2) == (500_000, 500_000, 500_000)


async def overview(session, dates, user_id, unit):
    found = await statistics.overview(session, dates, unit, Wanted(user_id))
    return {
        "summary": [queries.summary_row(found.summary)],
        "model": [queries.model_row({**row, "model": row["name"]}) for row in found.by_model],
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
    await sql(database, "UPDATE ledger_dimension_hours SET calls = 100")
    await sql(database, "UPDATE ledger_dimension_days SET calls = 1000")

    async def calls(start, end):
        async with database.read() as session:
            return (await statistics.summary(session, parse_range(start, end), user_id))["total_calls"]

    assert await calls("2026-01-31", "2026-01-31") == 1000
    assert await calls("2026-01-31T10:00Z", "2026-01-31T11:00Z") == 100
    assert await calls("2026-01-31T10:01Z", "2026-01-31T10:59Z") == 1
    async with database.read() as session:
        days = await service.by_day(session, user_id=user_id)
        assert [day.total_calls for day in days] == [1000]


def test_a_range_is_cut_at_full_hours_and_midnights():
    def cut(start, end, *, days=True):
        dates = DateRange(
            *(moment and datetime.fromisoformat(f"2026-01-{moment}Z") for moment in (start, end))
        )
        return {
            (what, *(moment and f"{moment:%dT%H:%M}" for moment in ends))
            for what, *ends in ranges(dates, days=days)
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
    assert [what for what, *_ in ranges(DateRange(last, None), days=True)]


# The trigger


async def test_what_has_no_user_group_or_code_has_one_row_too(database):
    for _ in range(3):
        await write_line(database, "2026-01-31T10:10")
    for relation, count in (*DETAILED_AND_CUBE, *DIMENSIONS):
        rows = await sql(database, f"SELECT calls, total_tokens FROM {relation}")
        assert rows == [{"calls": 3, "total_tokens": 45}] * count


async def test_durations_are_counted_in_their_places(database):
    for duration in (None, 0, 9, 10, 19, 20, 499_999, 500_000, 2**31 - 1):
        await write_line(database, "2026-01-31T10:10", duration_ms=duration)
    places = [2 + 0, 2, 1] + [0] * (len(DURATIONS) - 4) + [1, 2]
    for relation, rows in (*DETAILED_AND_CUBE, *DIMENSIONS):
        found = await sql(database, f"SELECT durations FROM {relation}")
        assert [row["durations"] for row in found] == [places] * rows


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


@pytest.mark.parametrize("revision", ["0001", "0007"])
async def test_lines_that_are_there_already_are_rolled_up(databases, revision):
    async with databases.copy("template0") as url:
        await upgrade_async(url, revision)
        connection = await asyncpg.connect(dsn_of(url))
        await connection.execute(
            """
            INSERT INTO llm_tracker_usage (id, user_id, group_id, model, prompt_tokens, total_tokens, cost, created_at)
            SELECT gen_random_uuid(), n % 3, nullif(n % 4, 0), 'm' || n % 2, n, n, n / 7.0,
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
