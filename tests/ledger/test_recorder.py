"""The recorder on the real database: what it is given is written once, whatever else it is given."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from daybook.db.engine import asyncpg_dsn
from daybook.kit.clock import now
from daybook.ledger.entries import Entry, LineEntry, LogEntry
from daybook.ledger.recorder import LIMIT, LIMIT_BYTES, Recorder
from llm_tracker.ids import uuid7


def entry(
    line_id: UUID | None = None, *, text: str = "hi", model: str = "m", messages: str = "[]", **moved
) -> Entry:
    moment = now() + timedelta(**moved)
    line_id = line_id or uuid7()
    line = LineEntry(
        line_id,
        None,
        model,
        1,
        2,
        3,
        0,
        0,
        True,
        None,
        "{}",
        moment,
        None,
        None,
        False,
        "gateway",
        5,
        None,
        None,
        None,
    )
    said = LogEntry(
        line_id,
        None,
        None,
        None,
        "chat.completions",
        model,
        messages,
        None,
        text,
        None,
        "success",
        None,
        3,
        1,
        2,
        moment,
        5,
    )
    return Entry(line_id, line, said)


@pytest.fixture
async def recorder(database_url):
    recorder = Recorder(asyncpg_dsn(database_url))
    recorder.start()
    yield recorder
    await recorder.close()


@pytest.fixture
async def read(database_url):
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection.fetchval
    await connection.close()


async def drained(recorder: Recorder) -> None:
    async with asyncio.timeout(10):
        while recorder.backlog:
            await asyncio.sleep(0.01)


async def test_close_writes_all_that_waits(database_url, read):
    recorder = Recorder(asyncpg_dsn(database_url))
    recorder.start()
    for _ in range(1200):
        recorder.add(entry, 10)
    await recorder.close()
    assert recorder.backlog == 0
    assert await read("SELECT count(*) FROM llm_tracker_usage") == 1200
    assert await read("SELECT count(*) FROM llm_call_logs") == 1200


@pytest.mark.parametrize("payload", ["no json", '"\\u0000"', '{"n": 1e999999}', "[" * 20_000 + "]" * 20_000])
async def test_what_postgres_refuses_costs_only_its_own_payload(recorder, read, payload):
    bad = entry(messages=payload)
    for number in range(9):
        recorder.add(lambda number=number: bad if number == 4 else entry(), 10)
    await drained(recorder)
    assert await read("SELECT count(*) FROM llm_tracker_usage") == 9
    assert await read("SELECT sum(total_tokens) FROM llm_tracker_usage") == 27
    assert await read("SELECT count(*) FROM llm_call_logs WHERE request_messages ? 'daybook'") == 1
    kept = await read("SELECT response_content FROM llm_call_logs WHERE usage_id = $1", bad.line.id)
    assert kept is None


async def test_a_record_that_cannot_be_built_does_not_stop_the_others(recorder, read, caplog):
    def broken():
        raise RuntimeError("no rows in here")

    recorder.add(broken, 10)
    recorder.add(entry, 10)
    await drained(recorder)
    assert await read("SELECT count(*) FROM llm_tracker_usage") == 1
    assert "A call was lost" in caplog.text


async def test_a_line_that_is_there_is_not_written_again(recorder, read):
    first = entry()
    for _ in range(3):
        recorder.add(lambda: first, 10)
        await drained(recorder)
    recorder.add(lambda: first, 10)
    recorder.add(entry, 10)
    await drained(recorder)
    assert await read("SELECT count(*) FROM llm_tracker_usage") == 2
    assert await read("SELECT count(*) FROM llm_call_logs") == 2


async def test_months_are_made_as_they_come(recorder, read):
    for days in (0, 40, 400):
        recorder.add(lambda days=days: entry(days=days), 10)
    await drained(recorder)
    assert await read("SELECT count(*) FROM llm_call_logs") == 3
    partitions = await read("SELECT count(*) FROM pg_inherits WHERE inhparent = 'llm_call_logs'::regclass")
    assert partitions == 3


async def test_large_calls_are_built_too(recorder, read):
    recorder.add(lambda: entry(text="x" * 1_000_000), 1_000_000)
    await drained(recorder)
    assert await read("SELECT length(response_content) FROM llm_call_logs") == 1_000_000


async def test_calls_wait_for_a_database_that_is_away(database_url, databases, read, caplog):
    recorder = Recorder(asyncpg_dsn(database_url))
    recorder.start()
    recorder.add(entry, 10)
    await drained(recorder)
    await read("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    for _ in range(5):
        recorder.add(entry, 10)
    await recorder.close()
    assert await read("SELECT count(*) FROM llm_tracker_usage") == 6


def test_it_is_full_before_memory_is():
    recorder = Recorder("postgresql://nobody@/nowhere")
    for _ in range(LIMIT - 1):
        recorder.add(entry, 1)
    assert not recorder.full
    recorder.add(entry, 1)
    assert recorder.full
    recorder = Recorder("postgresql://nobody@/nowhere")
    recorder.add(entry, LIMIT_BYTES)
    assert recorder.full
