"""Old months of call logs go, everything else stays, and nobody who writes is kept waiting."""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from daybook.db.engine import asyncpg_dsn
from daybook.ledger import retention
from daybook.ledger.entries import Entry, LogEntry
from daybook.ledger.partitions import make_partition
from daybook.ledger.retention import Fate, prune, retain
from daybook.ledger.writer import LedgerWriter
from llm_tracker.ids import uuid7
from support.ledger.lines import write_call, write_line

CUTOFF = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.fixture
async def months(database):
    """Two calls in January, one in February (its last moment), one in March, one in April; a line for each."""
    for at in ("2026-01-01", "2026-01-31T23:59:59", "2026-02-28T23:59:59.999", "2026-03-01", "2026-04-01"):
        await write_call(database, at, usage_id=await write_line(database, at))


@pytest.fixture
def rows(database):
    async def read(query):
        async with database.read() as session:
            return [tuple(row) for row in await session.execute(text(query))]

    return read


def fates(pruning):
    return [(f"{month.month:%m}", month.rows, month.fate) for month in pruning.months]


async def test_months_that_lie_wholly_before_are_dropped_and_noted(database, months, rows):
    done = await prune(database, CUTOFF)

    assert fates(done) == [("01", 2, Fate.PRUNED), ("02", 1, Fate.PRUNED), ("03", 1, Fate.PARTLY_OLDER)]
    assert all(month.bytes > 0 for month in done.months)
    assert await rows("SELECT date_trunc('month', call_time)::date FROM llm_call_logs ORDER BY 1") == [
        (date(2026, 3, 1),),
        (date(2026, 4, 1),),
    ]
    assert await rows("SELECT count(*), sum(total_tokens) FROM llm_tracker_usage") == [(5, 75)]
    assert await rows("SELECT month, rows FROM pruned_months ORDER BY 1") == [
        (date(2026, 1, 1), 2),
        (date(2026, 2, 1), 1),
    ]
    assert fates(await prune(database, CUTOFF)) == [("03", 1, Fate.PARTLY_OLDER)]


async def test_a_cut_off_at_the_end_of_a_month_takes_it(database, months):
    assert fates(await prune(database, datetime(2026, 2, 1, tzinfo=UTC))) == [("01", 2, Fate.PRUNED)]
    just_before = datetime(2026, 3, 1, tzinfo=UTC) - timedelta(microseconds=1)
    assert fates(await prune(database, just_before)) == [("02", 1, Fate.PARTLY_OLDER)]


async def test_a_dry_run_tells_the_same_and_does_nothing(database, months, rows):
    told = await prune(database, CUTOFF, dry_run=True)

    assert [fate for _, _, fate in fates(told)] == [Fate.WOULD_BE_PRUNED] * 2 + [Fate.PARTLY_OLDER]
    assert await rows("SELECT count(*) FROM llm_call_logs") == [(5,)]
    assert await rows("SELECT * FROM pruned_months") == []


async def test_a_late_call_makes_its_month_anew_and_adds_to_the_note(database, database_url, months, rows):
    await prune(database, CUTOFF)
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    await make_partition(connection, (2026, 1))
    await connection.close()
    await write_call(database, "2026-01-05")

    assert fates(await prune(database, CUTOFF))[0] == ("01", 1, Fate.PRUNED)
    assert await rows("SELECT rows FROM pruned_months WHERE month = '2026-01-01'") == [(3,)]


async def test_a_call_for_a_month_that_was_pruned_meanwhile_makes_it_anew(database, database_url, rows):
    ledger = LedgerWriter(asyncpg_dsn(database_url))
    try:
        await ledger.write([late_call()])
        assert fates(await prune(database, CUTOFF)) == [("01", 1, Fate.PRUNED)]
        with pytest.raises(asyncpg.CheckViolationError):  # as if the database were away: nothing is given up
            await ledger.write([late_call()])
        await ledger.disconnect()
        await ledger.write([late_call()])
    finally:
        await ledger.close()
    assert await rows("SELECT count(*) FROM llm_call_logs") == [(1,)]


def late_call():
    call_id = uuid7()
    values = dict.fromkeys(LogEntry.__match_args__)
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    return Entry(
        call_id,
        None,
        LogEntry(
            **{**values, "call_id": call_id, "request_messages": "[]", "status": "error", "call_time": moment}
        ),
    )


async def test_a_month_in_use_stays_and_writers_do_not_wait_for_it(database, months, rows, monkeypatch):
    monkeypatch.setattr(retention, "TRIES", 4)
    async with database.engine.connect() as reader:
        await reader.execute(text("SELECT count(*) FROM llm_call_logs"))  # holds its lock until it ends
        pruning = asyncio.create_task(prune(database, CUTOFF))
        waited = []
        while not pruning.done():
            started = time.monotonic()
            await write_call(database, "2026-04-02")
            waited.append(time.monotonic() - started)
            await asyncio.sleep(0.01)
    assert [fate for _, _, fate in fates(pruning.result())] == [Fate.IN_USE] * 2 + [Fate.PARTLY_OLDER]
    assert len(waited) > 5
    assert max(waited) < 1.5
    assert await rows("SELECT * FROM pruned_months") == []
    assert [fate for _, _, fate in fates(await prune(database, CUTOFF))][:2] == [Fate.PRUNED] * 2


async def test_two_who_prune_at_once_note_each_month_once(database, months, rows):
    async def one():
        return await prune(database, CUTOFF)

    await asyncio.gather(one(), one())
    assert await rows("SELECT rows FROM pruned_months ORDER BY month") == [(2,), (1,)]


async def test_the_worker_prunes_by_itself_where_it_is_told_to(database, months, rows):
    for keep_days, left in ((None, 5), (36_500, 5), (1, 0)):
        stop = asyncio.Event()
        working = asyncio.create_task(retain(database, keep_days, stop))
        async with asyncio.timeout(20):
            while (await rows("SELECT count(*) FROM llm_call_logs"))[0][0] != left:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)
            stop.set()
            await working
        assert await rows("SELECT count(*) FROM llm_call_logs") == [(left,)], keep_days


async def test_partitions_take_over_how_payloads_are_compressed(database, rows):
    compression = (
        "SELECT attcompression::text FROM pg_attribute WHERE attrelid = '{}'::regclass AND attname = '{}'"
    )
    async with database.write() as session:
        await session.execute(text("ALTER TABLE llm_call_logs ALTER request_messages SET COMPRESSION pglz"))
    await write_call(database, "2026-05-01")
    assert await rows(compression.format("llm_call_logs_2026_05", "request_messages")) == [("p",)]

    setting = "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    [(has_lz4,)] = await rows(setting)
    [(chosen,)] = await rows(compression.format("llm_call_logs", "response_data"))
    assert chosen == ("l" if has_lz4 else "")
