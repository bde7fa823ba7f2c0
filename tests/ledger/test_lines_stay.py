"""Lines of the ledger cannot be changed or removed, and their cost is a finite number."""

from decimal import Decimal

import asyncpg
import pytest
import pytest_asyncio

from daybook.db.engine import asyncpg_dsn
from daybook.kit.clock import now
from daybook.ledger.entries import Entry, LineEntry
from daybook.ledger.writer import LedgerWriter
from llm_tracker.ids import uuid7
from support.ledger.lines import write_line

REFUSED = "LG001"
PASS = "SELECT set_config('daybook.ledger_change', $1 || ' ' || pg_current_xact_id(), true)"


@pytest_asyncio.fixture
async def line(database):
    return await write_line(database, "2026-01-31T10:00", user_id=1, cost="0.5")


@pytest_asyncio.fixture
async def owner(database_url, line):
    """A connection of the table's owner, who is a superuser as well."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection
    await connection.close()


async def lines(connection):
    return await connection.fetchval("SELECT count(*) FROM llm_tracker_usage WHERE cost = 0.5")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE llm_tracker_usage SET cost = 1",
        "UPDATE llm_tracker_usage SET cost = cost",
        "UPDATE llm_tracker_usage SET cost = 1 WHERE false",
        "DELETE FROM llm_tracker_usage",
        "DELETE FROM llm_tracker_usage WHERE id = gen_random_uuid()",
        "TRUNCATE llm_tracker_usage",
        "TRUNCATE users, llm_tracker_usage CASCADE",
        """
        INSERT INTO llm_tracker_usage (id, model) SELECT id, 'm' FROM llm_tracker_usage
        ON CONFLICT (id) DO UPDATE SET cost = 1
        """,
        """
        MERGE INTO llm_tracker_usage AS line USING (VALUES (1)) AS one (n) ON line.user_id = one.n
        WHEN MATCHED THEN DELETE
        """,
        "UPDATE llm_usage_logs SET model_name = 'other'",
        "DELETE FROM llm_usage_logs",
    ],
)
async def test_a_line_is_not_changed_by_its_owner(owner, statement):
    with pytest.raises(asyncpg.PostgresError, match="cannot be changed or removed") as refused:
        await owner.execute(statement)
    assert refused.value.sqlstate == REFUSED
    assert "Lines are only added" in refused.value.hint
    assert await lines(owner) == 1


async def test_a_line_is_not_changed_through_a_parent_table(owner):
    """Statements on a parent fire no statement triggers of its children."""
    await owner.execute("CREATE TABLE parent (LIKE llm_tracker_usage)")
    await owner.execute("ALTER TABLE llm_tracker_usage INHERIT parent")
    for statement in ("UPDATE parent SET cost = 1", "DELETE FROM parent", "TRUNCATE parent"):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await owner.execute(statement)
        assert refused.value.sqlstate == REFUSED
    assert await lines(owner) == 1


async def test_a_line_is_not_changed_where_ordinary_triggers_are_off(owner):
    await owner.execute("SET session_replication_role = replica")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await owner.execute("DELETE FROM llm_tracker_usage")
    assert refused.value.sqlstate == REFUSED


@pytest.mark.parametrize("reason", ["adopt", "erase"])
async def test_a_transaction_that_says_why_passes_and_no_other(owner, reason):
    async with owner.transaction():
        await owner.execute(PASS, reason)
        async with owner.transaction():  # a savepoint is the same transaction
            await owner.execute("UPDATE llm_tracker_usage SET cost = 2")
    assert await owner.fetchval("SELECT cost FROM llm_tracker_usage") == 2
    with pytest.raises(asyncpg.PostgresError, match="cannot be changed"):
        await owner.execute("UPDATE llm_tracker_usage SET cost = 3")
    async with owner.transaction():
        await owner.execute(PASS, reason)
        await owner.execute("DELETE FROM llm_tracker_usage")
    async with owner.transaction():
        await owner.execute(PASS, reason)
        await owner.execute("TRUNCATE llm_tracker_usage")
    assert await owner.fetchval("SELECT count(*) FROM llm_tracker_usage") == 0


@pytest.mark.parametrize(
    "setting", ["'on'", "'erase'", "'erase ' || pg_current_xact_id()", "'other ' || {xact}"]
)
async def test_no_other_setting_passes(owner, setting):
    """One that outlives its transaction does not open the ledger to those after it."""
    await owner.execute(
        f"SELECT set_config('daybook.ledger_change', {setting.format(xact='pg_current_xact_id()')}, false)"
    )
    with pytest.raises(asyncpg.PostgresError, match="cannot be changed"):
        await owner.execute("UPDATE llm_tracker_usage SET cost = 3")


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "-Infinity"])
async def test_a_cost_that_is_no_number_is_refused_by_the_table(owner, cost):
    with pytest.raises(asyncpg.CheckViolationError, match="ck_llm_tracker_usage_cost"):
        await owner.execute(
            f"INSERT INTO llm_tracker_usage (id, model, cost) VALUES (gen_random_uuid(), 'm', '{cost}')"
        )
    await owner.execute("INSERT INTO llm_tracker_usage (id, model) VALUES (gen_random_uuid(), 'm')")


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "-Infinity"])
async def test_a_cost_that_is_no_number_is_written_as_unknown(owner, database_url, cost):
    line = LineEntry(
        id=uuid7(),
        user_id=1,
        model="m",
        prompt_tokens=1,
        completion_tokens=1,
        total_tokens=2,
        cached_tokens=0,
        reasoning_tokens=0,
        success=True,
        error=None,
        metadata="{}",
        created_at=now(),
        provider=None,
        cost=Decimal(cost),
        is_estimated=False,
        source="gateway",
        duration_ms=None,
        trace_id=None,
        group_id=None,
        code=None,
    )
    writer = LedgerWriter(asyncpg_dsn(database_url))
    await writer.write([Entry(line.id, line, None)])
    await writer.close()
    stored = await owner.fetchrow("SELECT cost, total_tokens FROM llm_tracker_usage WHERE id = $1", line.id)
    assert stored == (None, 2)
