"""How fast sums and checks of the ledger are. Prints what it measures; nothing else is claimed.

    .venv/bin/python bench/ledger.py                        # a million lines
    .venv/bin/python bench/ledger.py --lines 10000000       # ten million; some minutes and 10 GB of disk

Everything is in an embedded PostgreSQL of its own in a temporary folder, durable as in daily use. The lines are of one
year, in sittings of some ten calls: people call more at noon than at night, and few people and models make most calls.
"""

import argparse
import asyncio
import random
import shutil
import statistics as numbers
import tempfile
import time
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import RowMapping, text

from daybook.assistant.verification import CHECKS
from daybook.db.embedded import EmbeddedServer
from daybook.db.engine import Database, ReadSession
from daybook.db.migrate import upgrade
from daybook.ledger import service
from daybook.ledger.entries import LINE_COLUMNS
from daybook.ledger.rollups import statistics
from daybook.ledger.rollups.models import DURATIONS
from daybook.ledger.rollups.parts import Wanted
from daybook.ledger.verification.verify import verify
from llm_tracker import queries
from llm_tracker.arguments import DateRange, parse_range
from llm_tracker.ids import uuid7

CHUNK = 250_000
ROUNDS = 5

ACCOUNTS = """
INSERT INTO groups (id, name) SELECT n, 'group ' || n FROM generate_series(1, 10) AS n;
INSERT INTO users (id, account) SELECT n, 'user' || n FROM generate_series(1, 1000) AS n;
INSERT INTO activation_codes (public_id, code_hash, group_id)
    SELECT 'db_' || n, int4send(n), 1 + n % 10 FROM generate_series(1, 1000) AS n;
"""

# People work in sittings: some ten calls of one person to one model, within one hour. power(random(), 3): a few people
# and models make most of them.
LINES = """
INSERT INTO llm_tracker_usage (id, user_id, model, provider, prompt_tokens, completion_tokens, total_tokens,
    cached_tokens, reasoning_tokens, success, cost, is_estimated, source, duration_ms, group_id, code, created_at)
SELECT gen_random_uuid(), person, 'model-' || model, ('{openai,anthropic,gemini}'::text[])[1 + model % 3],
    prompt, completion, prompt + completion, prompt / 3, completion / 4, random() < 0.97,
    CASE WHEN model < 10 THEN (prompt * 0.0000025 + completion * 0.00001)::numeric(12, 7) END,
    random() < 0.01, 'gateway', exp(5 + 5 * random())::int, 1 + person % 10, 'db_' || person,
    '2025-12-01Z'::timestamptz + day * interval '1 day' + (hour + random()) * interval '1 hour'
FROM (
    SELECT 1 + floor(power(random(), 3) * $2::int)::int AS person, 1 + floor(power(random(), 3) * 12)::int AS model,
        floor(random() * 365)::int AS day, floor(12 + 12 * power(random(), 2) * sign(random() - 0.5))::int AS hour,
        ceil(random() * $3::int)::int AS calls
    FROM generate_series(1, $1)
) AS sittings,
LATERAL (
    SELECT (random() * 4000)::int AS prompt, (random() * 800)::int AS completion FROM generate_series(1, calls)
) AS called
"""

# One statement, as in `rollups/statistics.py`, and the most favourable to lines: they are read once.
_FROM_LINES = """
SELECT CASE WHEN grouping(model) = 0 THEN 'model' WHEN grouping(source) = 0 THEN 'source'
        WHEN grouping(bucket) = 0 THEN 'time' WHEN grouping(group_id) = 0 THEN 'group' ELSE 'all' END AS kind,
    coalesce(model, source, group_id::text, '') AS name, bucket,
    count(*) AS total_calls, count(*) FILTER (WHERE success) AS successful_calls,
    coalesce(sum(prompt_tokens), 0) AS total_prompt_tokens,
    coalesce(sum(completion_tokens), 0) AS total_completion_tokens,
    coalesce(sum(total_tokens), 0) AS total_tokens, coalesce(sum(cached_tokens), 0) AS total_cached_tokens,
    coalesce(sum(reasoning_tokens), 0) AS total_reasoning_tokens, sum(cost) AS cost,
    count(*) - count(cost) AS unpriced_calls, count(*) FILTER (WHERE is_estimated) AS estimated_calls,
    ARRAY[PLACES] AS durations
FROM (
    SELECT *, date_trunc('day', created_at, 'UTC') AS bucket, width_bucket(duration_ms, ARRAY[ENDS]) AS place
    FROM llm_tracker_usage {where}
) AS placed
GROUP BY GROUPING SETS ((), (model), (group_id), (source), (bucket))
"""
FROM_LINES = _FROM_LINES.replace("ENDS", ", ".join(map(str, DURATIONS))).replace(
    "PLACES", ", ".join(f"count(*) FILTER (WHERE place = {place})" for place in range(len(DURATIONS) + 1))
)

SITTING = 19
"""Calls in a sitting at most; ten on average."""


async def fill(dsn: str, lines: int, people: int) -> None:
    """Write the lines, through the triggers, as everybody does."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(ACCOUNTS)
    began = time.perf_counter()
    written = 0
    while written < lines:
        done = await connection.execute(LINES, min(CHUNK, lines - written) // 10 + 1, people, SITTING)
        written += int(done.rsplit(" ", 1)[-1])
        print(f"  {written:>12,} lines, {time.perf_counter() - began:.0f} s", end="\r", flush=True)
    print()
    await connection.execute("VACUUM ANALYZE")
    sizes = await connection.fetch(
        "SELECT relname, reltuples::bigint, pg_total_relation_size(oid) / 1000000 FROM pg_class"
        " WHERE relname = 'llm_tracker_usage' OR relname ~ '^ledger_.*(hours|days)$' ORDER BY 2 DESC"
    )
    for name, rows, size in sizes:
        print(f"  {name:<24}{rows:>12,} rows {size:>8,} MB")
    await connection.close()


async def from_lines(session: ReadSession, dates: DateRange, wanted: Wanted) -> Any:
    """A dashboard as one statement makes it from lines, which reads them once."""
    asked = {name: getattr(wanted, name) for name in ("user_id", "model", "group_id", "source")}
    where = [f"{name} = :{name}" for name, value in asked.items() if value is not None]
    where += [
        f"created_at {sign} :{end}" for end, sign in (("start", ">="), ("end", "<")) if getattr(dates, end)
    ]
    values = {**asked, "start": dates.start, "end": dates.end}
    query = text(FROM_LINES.format(where=f"WHERE {' AND '.join(where)}" if where else ""))
    return answered((await session.execute(query, values)).mappings())


async def from_rollups(session: ReadSession, dates: DateRange, wanted: Wanted) -> Any:
    """The same from rollups."""
    found = await statistics.overview(session, dates, "day", wanted)
    return answered([found.summary, *found.by_model, *found.by_group, *found.by_source, *found.series])


def answered(rows: Iterable[RowMapping]) -> Any:
    """What the rows say, in whatever order."""
    return {
        (row["kind"], row["name"], row["bucket"]): (
            queries.summary_row(row),
            row["estimated_calls"],
            [int(count) for count in row["durations"]],
        )
        for row in rows
    }


async def dashboards(database: Database) -> None:
    """Summary, by model, by group, by source and by day, with durations: rollups and lines in turn."""
    questions = {
        "everybody, all time": (DateRange(), Wanted()),
        "everybody, 90 days": (parse_range("2026-06-01", "2026-08-29"), Wanted()),
        "everybody, odd ends": (parse_range("2026-01-05T07:20:00Z", "2026-09-03T21:40:00Z"), Wanted()),
        "the busiest model": (DateRange(), Wanted(model="model-1")),
        "the busiest group": (DateRange(), Wanted(group_id=2)),
        "both": (DateRange(), Wanted(model="model-1", group_id=2)),
        "the gateway": (DateRange(), Wanted(source="gateway")),
        "the busiest person": (DateRange(), Wanted(user_id=1)),
        "a middling person": (DateRange(), Wanted(user_id=30)),
    }
    print(f"\n{'dashboard':<24}{'rollups':>12}{'lines':>14}{'ratio':>10}")
    for name, (dates, wanted) in questions.items():
        times: dict[str, list[float]] = {"rollups": [], "lines": []}
        async with service.snapshot(database) as session:
            for _ in range(ROUNDS):
                answers = [
                    await timed(times["rollups"], from_rollups(session, dates, wanted)),
                    await timed(times["lines"], from_lines(session, dates, wanted)),
                ]
                if answers[0] != answers[1]:
                    raise SystemExit(f"{name}: rollups and lines say different things.")
        fast, slow = (numbers.median(times[what]) * 1000 for what in ("rollups", "lines"))
        print(f"{name:<24}{fast:>9.1f} ms{slow:>11.1f} ms{slow / fast:>9.0f}x")
    zone_times: list[float] = []
    for zone in ("Asia/Taipei", "Asia/Kolkata"):
        async with service.snapshot(database) as session:
            for _ in range(ROUNDS):
                await timed(zone_times, statistics.by_day(session, DateRange(), 1, zone))
        print(f"the busiest person's days in {zone}: {numbers.median(zone_times) * 1000:.1f} ms")
        zone_times.clear()


async def timed(times: list[float], work: Awaitable[Any]) -> Any:
    """Do `work`, and note how long it took."""
    began = time.perf_counter()
    answer = await work
    times.append(time.perf_counter() - began)
    return answer


async def trigger_cost(dsn: str) -> None:
    """What a batch of 500 lines takes by COPY, without triggers, with counters, and with rollups too; in turn."""
    connection = await asyncpg.connect(dsn)
    states = {
        "no trigger": "DISABLE TRIGGER USER",
        "counters": "DISABLE TRIGGER ledger_totals_by_hour",
        "counters, rollups": "ENABLE TRIGGER USER",
    }
    print(f"\n{'COPY of 500 lines':<44}{'median':>10}{'99 %':>10}{'lines/s':>10}")
    for people, models in ((1, 1), (20, 3), (1000, 12)):
        for writers in (1, 4):
            times: dict[str, list[float]] = {name: [] for name in states}
            rates: dict[str, list[float]] = {name: [] for name in states}
            for _ in range(4):
                for name, state in states.items():
                    await connection.execute("ALTER TABLE llm_tracker_usage ENABLE TRIGGER USER")
                    await connection.execute(f"ALTER TABLE llm_tracker_usage {state}")
                    began = time.perf_counter()
                    await asyncio.gather(
                        *(
                            copy_batches(dsn, 24 // writers, people, models, times[name])
                            for _ in range(writers)
                        )
                    )
                    rates[name].append(24 * 500 / (time.perf_counter() - began))
            for name in states:
                what = f"{people} people, {models} models, {writers} writers: {name}"
                slowest = sorted(times[name])[int(len(times[name]) * 0.99)]
                median = numbers.median(times[name])
                print(
                    f"{what:<44}{median * 1000:>7.1f} ms{slowest * 1000:>7.1f} ms{numbers.median(rates[name]):>10,.0f}"
                )
    await connection.execute("ALTER TABLE llm_tracker_usage ENABLE TRIGGER USER")
    await connection.close()


async def copy_batches(dsn: str, batches: int, people: int, models: int, times: list[float]) -> None:
    """One writer."""
    connection = await asyncpg.connect(dsn)
    for _ in range(batches):
        moment = datetime.now(UTC)
        lines = [
            (
                *(uuid7(), (person := random.randint(1, people)), f"model-{random.randint(1, models)}"),
                *(100, 50, 150, 10, 5, True, None, "{}", moment, "openai", None, False, "gateway"),
                *(random.randint(20, 90_000), None, 1 + person % 10, f"db_{person}", None, 0, "trigger"),
            )
            for _ in range(500)
        ]
        began = time.perf_counter()
        async with connection.transaction():
            await connection.copy_records_to_table("llm_tracker_usage", records=lines, columns=LINE_COLUMNS)
        times.append(time.perf_counter() - began)
    await connection.close()


async def add_logs(dsn: str, most: int) -> int:
    """A call log for every line, where there are not more than `most`: what verifying pairs."""
    connection = await asyncpg.connect(dsn)
    count = await connection.fetchval("SELECT count(*) FROM llm_tracker_usage")
    if count <= most:
        for month in range(13):
            await connection.execute(
                "DO $$ DECLARE start date := date '2025-12-01' + interval '1 month' * "
                + str(month)
                + "; BEGIN "
                "EXECUTE format('CREATE TABLE IF NOT EXISTS llm_call_logs_%s PARTITION OF llm_call_logs"
                " FOR VALUES FROM (%L) TO (%L)', to_char(start, 'YYYY_MM'), start::text || ' 00:00Z',"
                " (start + interval '1 month')::date::text || ' 00:00Z'); END $$"
            )
        await connection.execute(
            """
            INSERT INTO llm_call_logs (usage_id, call_id, group_id, activation_code, model, request_messages,
                response_data, status, tokens_used, prompt_tokens, completion_tokens, call_time)
            SELECT id, id, group_id, code, model, jsonb_build_array(repeat('what was asked ', 20)),
                jsonb_build_object('answer', repeat('what was answered ', 20)),
                CASE WHEN success THEN 'success' ELSE 'error' END, total_tokens, prompt_tokens,
                completion_tokens, created_at
            FROM llm_tracker_usage
            """
        )
    else:
        await connection.execute(
            "INSERT INTO pruned_months (month, rows, bytes)"
            " SELECT DISTINCT date_trunc('month', created_at AT TIME ZONE 'UTC')::date, 0, 0 FROM llm_tracker_usage"
        )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return count if count <= most else 0


async def measure(server: EmbeddedServer, lines: int, people: int) -> None:
    """Everything, one after the other."""
    print(f"{lines:,} lines of {people} people, 12 models and one year")
    await fill(server.url(), lines, people)
    database = Database.connect(server.dsn, pool=2)
    try:
        await dashboards(database)
        logs = await add_logs(server.url(), 2_000_000)
        for _ in range(3):
            found = await verify(database, CHECKS)
            print(
                f"\nverify: {found.seconds:.1f} s over {found.lines:,} lines and {logs:,} call logs", end=""
            )
            if not found.balanced:
                raise SystemExit(f"\nThe ledger does not balance: {found.counts}")
        print()
    finally:
        await database.close()
    await trigger_cost(server.url())


def main() -> None:
    """Start a server, measure, remove it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=200)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    folder.chmod(0o711)  # as root, the server runs as another user, who must get in
    server = EmbeddedServer(folder)
    try:
        server.start()
        upgrade(server.dsn)
        asyncio.run(measure(server, chosen.lines, chosen.people))
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
