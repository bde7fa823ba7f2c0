"""Journals into the ledger: every call once, whoever is killed and whatever is away."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import orjson
import pytest

from daybook.db.engine import asyncpg_dsn
from daybook.kit.clock import now
from daybook.ledger.entries import Entry, LineEntry, LogEntry
from daybook.ledger.journal import Journal, journals_in
from daybook.ledger.shipper import JournaledCall, Shipper, ShippingStopped
from daybook.ledger.writer import LedgerWriter
from llm_tracker.ids import uuid7


def rows_of(call: JournaledCall) -> Entry:
    """A line of as many tokens as the answer has bytes; a call that was not closed failed."""
    error = None if call.closed else "killed"
    text = (
        b"".join(note.body for note in call.progress) + (call.closed.body if call.closed else b"")
    ).decode("utf-8", "replace")
    moment = now() - timedelta(days=call.opened.header.get("days", 0))
    line = LineEntry(
        call.id, None, "m", 0, len(text), len(text), 0, 0, not error, error, "{}", moment, None, None, bool(error),
        "gateway", 1, None, None, None,
    )  # fmt: skip
    messages = call.opened.body.decode() or "[]"
    said = LogEntry(
        call.id, None, None, None, "a", "m", messages, None, text, None, "error" if error else "success", error,
        len(text), 0, len(text), moment, 1, call.id,
    )  # fmt: skip
    if call.opened.header.get("unmetered"):
        said.usage_id = None
        return Entry(call.id, None, said)
    return Entry(call.id, line, said)


@pytest.fixture
async def read(database_url):
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection.fetchval
    await connection.close()


@pytest.fixture
def ship(database_url, tmp_path):
    """A shipper that runs while the block does, and ships what is there at its end."""

    @asynccontextmanager
    async def shipping():
        shipper = Shipper(tmp_path, LedgerWriter(asyncpg_dsn(database_url), tmp_path / "quarantine"), rows_of)
        task = asyncio.create_task(shipper.run())
        yield shipper
        shipper.stop()
        async with asyncio.timeout(20):
            await task

    return shipping


def call(journal, answer=b"answer", header=b"{}", body=b"", *, ends=True):
    call_id = uuid7()
    journal.open_call(call_id, header, body)
    if ends:
        journal.close_call(call_id, b"{}", answer, essential=b"{}")
    return call_id


COUNT = "SELECT count(*) FROM llm_tracker_usage"
NO_MONTHS = """
DO $$ DECLARE month regclass; BEGIN
    FOR month IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'llm_call_logs'::regclass
    LOOP EXECUTE 'DROP TABLE ' || month; END LOOP;
END $$
"""


async def until(read, query, value):
    async with asyncio.timeout(10):
        while await read(query) != value:
            await asyncio.sleep(0.02)


async def test_calls_are_in_the_ledger_soon_after_they_end(ship, read, tmp_path):
    journal = Journal(tmp_path)
    async with ship():
        for number in range(1, 4):
            call(journal)
            await until(read, COUNT, number)
    assert await read("SELECT sum(total_tokens) FROM llm_tracker_usage") == 18
    assert await read("SELECT count(*) FROM llm_call_logs") == 3


async def test_many_journals_are_shipped_and_those_of_the_dead_deleted(ship, read, tmp_path):
    journals = [Journal(tmp_path, segment=16 * 1024) for _ in range(3)]
    for journal in journals:
        for _ in range(400):
            call(journal)
    for journal in journals[1:]:
        journal.close()
    async with ship():
        await until(read, COUNT, 1200)
        async with asyncio.timeout(5):
            while len(journals_in(tmp_path)) > 1:
                await asyncio.sleep(0.02)
    assert journals_in(tmp_path) == [journals[0].folder]
    assert len(list(journals[0].folder.glob("*.journal"))) == 1


async def test_a_call_that_nobody_closed_is_a_failure_with_what_had_come(ship, read, tmp_path):
    journal = Journal(tmp_path)
    open_call = call(journal, ends=False)
    journal.progress(open_call, b"{}", b"some ")
    journal.progress(open_call, b"{}", b"more")
    async with ship():
        call(journal)
        await until(read, COUNT, 1)
        journal.close()
        await until(read, COUNT, 2)
    connection_row = "SELECT {} FROM llm_tracker_usage WHERE NOT success"
    assert await read(connection_row.format("id")) == open_call
    assert await read(connection_row.format("total_tokens")) == 9
    assert await read("SELECT response_content FROM llm_call_logs WHERE status = 'error'") == "some more"


async def test_what_was_shipped_is_not_shipped_again(ship, read, tmp_path):
    journal = Journal(tmp_path)
    waiting = call(journal, ends=False)
    for _ in range(5):
        call(journal)
    call(journal, header=b'{"unmetered": true}')
    for _ in range(3):  # each reads the journal from its first record on
        async with ship():
            await until(read, COUNT, 5)
    assert await read("SELECT count(*) FROM llm_call_logs") == 6
    journal.close_call(waiting, b"{}", b"", essential=b"{}")
    async with ship():
        await until(read, COUNT, 6)
    assert await read("SELECT count(*) FROM llm_call_logs") == 7


async def test_only_one_ships_and_the_next_takes_over(ship, read, tmp_path):
    journal = Journal(tmp_path)
    async with ship(), ship() as first:
        call(journal)
        await until(read, COUNT, 1)
        first.stop()
        call(journal)
        await until(read, COUNT, 2)
    assert await read(COUNT) == 2


@pytest.mark.parametrize(
    "payload", [b"no json", b'"\\u0000"', b'{"n": 1e999999}', b"[" * 20_000 + b"]" * 20_000]
)
async def test_what_postgres_refuses_costs_only_its_own_payload(ship, read, tmp_path, payload):
    journal = Journal(tmp_path)
    calls = [call(journal, body=payload if number == 4 else b"") for number in range(9)]
    async with ship():
        await until(read, COUNT, 9)
    aside = orjson.loads((tmp_path / "quarantine" / f"{calls[4]}.json").read_bytes())
    assert aside["request_messages"] == payload.decode()
    assert await read("SELECT sum(total_tokens) FROM llm_tracker_usage") == 54
    assert await read("SELECT count(*) FROM llm_call_logs WHERE request_messages ? 'daybook'") == 1


async def test_months_are_made_as_they_come(ship, read, tmp_path):
    journal = Journal(tmp_path)
    for days in (0, 40, 400):
        call(journal, header=b'{"days": %d}' % days)
    async with ship():
        await until(read, COUNT, 3)
    assert await read("SELECT count(*) FROM llm_call_logs") == 3


async def test_while_the_database_is_away_the_journal_keeps_everything(ship, read, tmp_path):
    journal = Journal(tmp_path)
    async with ship():
        call(journal)
        await until(read, COUNT, 1)
        for _ in range(5):
            await read("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            for _ in range(20):
                call(journal)
            await asyncio.sleep(0.05)
        await until(read, COUNT, 101)
    assert await read("SELECT count(*) FROM llm_call_logs") == 101


async def test_stopping_without_a_database_leaves_the_journal(tmp_path):
    journal = Journal(tmp_path)
    call(journal)
    shipper = Shipper(tmp_path, LedgerWriter("postgresql://nobody@127.0.0.1:9/nowhere"), rows_of)
    task = asyncio.create_task(shipper.run())
    await asyncio.sleep(0.2)
    shipper.stop()
    with pytest.raises(ShippingStopped):
        await task
    assert journals_in(tmp_path) == [journal.folder]


async def test_a_lock_on_the_ledger_loses_no_call_whatever_limits_the_server_sets(ship, read, tmp_path):
    """With a `lock_timeout` of the server's PostgreSQL refuses instead of waiting."""
    journal = Journal(tmp_path)
    name = await read("SELECT current_database()")
    await read(f"ALTER DATABASE \"{name}\" SET lock_timeout = '50ms'")
    async with ship():
        await read("BEGIN")
        await read("LOCK TABLE llm_tracker_usage IN SHARE ROW EXCLUSIVE MODE")
        for _ in range(3):
            call(journal)
        await asyncio.sleep(1)
        await read("COMMIT")
        await until(read, COUNT, 3)
    assert not (tmp_path / "quarantine").exists()


async def refuse(read, when):
    """Somebody else's trigger, which refuses lines."""
    await read(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN IF {when} THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$"
    )
    await read(
        "CREATE TRIGGER refuse BEFORE INSERT ON llm_tracker_usage FOR EACH ROW EXECUTE FUNCTION refuse()"
    )


async def test_what_somebody_elses_trigger_refuses_waits(ship, read, tmp_path):
    journal = Journal(tmp_path)
    await refuse(read, "true")
    async with ship():
        for _ in range(3):
            call(journal)
        await asyncio.sleep(0.5)
        await read("DROP TRIGGER refuse ON llm_tracker_usage")
        await until(read, COUNT, 3)
    assert not (tmp_path / "quarantine").exists()


async def test_what_somebody_elses_trigger_refuses_of_one_call_stops_nobody(ship, read, tmp_path):
    journal = Journal(tmp_path)
    await refuse(read, "NEW.total_tokens = 200")
    await read(NO_MONTHS)
    old = b'{"days": 400}'  # calls of a gateway that died long ago: there is no month of today
    calls = [call(journal, b"x" * 200 if number == 1 else b"answer", old) for number in range(3)]
    async with ship():
        await until(read, COUNT, 2)
        call(journal)
        await until(read, COUNT, 3)
    assert [path.stem for path in (tmp_path / "quarantine").iterdir()] == [str(calls[1])]


async def test_a_line_that_cannot_be_stored_is_set_aside_whole_and_stops_nobody(ship, read, tmp_path):
    journal = Journal(tmp_path)
    await read("ALTER TABLE llm_tracker_usage ADD CONSTRAINT small CHECK (total_tokens < 100)")
    calls = [call(journal, b"x" * 200 if number == 1 else b"answer") for number in range(3)]
    async with ship():
        await until(read, COUNT, 2)
    aside = orjson.loads((tmp_path / "quarantine" / f"{calls[1]}.json").read_bytes())
    assert aside["line"]["id"] == str(calls[1])
    assert aside["line"]["total_tokens"] == 200
    assert aside["response_content"] == "x" * 200


async def test_what_is_shipped_is_on_disk_whatever_the_server_is_set_to(ship, read, tmp_path):
    """The tests' server does not wait for its disk: `synchronous_commit` is off."""
    assert await read("SHOW synchronous_commit") == "off"
    await read("CREATE TABLE seen AS SELECT current_setting('synchronous_commit') AS waits LIMIT 0")
    await read(
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$"
    )
    await read("CREATE TRIGGER see AFTER INSERT ON llm_tracker_usage EXECUTE FUNCTION see()")
    journal = Journal(tmp_path)
    async with ship():
        call(journal)
        await until(read, COUNT, 1)
    assert await read("SELECT string_agg(DISTINCT waits, ' ') FROM seen") == "on"
