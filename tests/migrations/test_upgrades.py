"""Databases of the version before are brought here with what is in them."""

import asyncpg
import pytest_asyncio

from daybook.assistant.verification import CHECKS
from daybook.db.engine import Database, asyncpg_dsn
from daybook.db.migrate import upgrade_async
from daybook.ledger.verification.verify import verify

LINES = """
INSERT INTO groups (id, name) VALUES (7, 'seven');
INSERT INTO activation_codes (id, public_id, code_hash, group_id) VALUES (3, 'db_x', 'h', 7);
INSERT INTO llm_tracker_usage
    (id, user_id, group_id, code, model, provider, source, prompt_tokens, total_tokens, cost, created_at)
SELECT gen_random_uuid(), n % 3, nullif(n % 4, 0), 'db_x', 'm' || n % 2, 'openai', 'chat', n, n,
    CASE n WHEN 5 THEN 'NaN' WHEN 11 THEN 'Infinity' WHEN 17 THEN '-Infinity' WHEN 23 THEN NULL ELSE n / 8.0 END,
    '2026-01-31T00:00Z'::timestamptz + n * interval '37 min'
FROM generate_series(1, 60) AS n
"""

BUDGETS = """
INSERT INTO budgets (id, subject, subject_id, period, unit, "limit", hard) VALUES
    (1, 'code', 3, 'month', 'usd', 100, true);
INSERT INTO budget_settlements (call_id, budget_id, period_start, held, used)
SELECT id, 1, '2026-01-01', 1, coalesce(cost, 1) FROM llm_tracker_usage
WHERE prompt_tokens BETWEEN 10 AND 12 AND created_at < '2026-02-01Z';
INSERT INTO budget_periods (budget_id, period_start, opening, used, overrun) VALUES
    (1, '2026-01-01', 'NaN', 'NaN', 'NaN');
"""

REFUSALS = """
INSERT INTO users (id, account) VALUES (100, 'ana');
INSERT INTO uploads (id, user_id, name, length, details, error_code, expires_at) VALUES
    (gen_random_uuid(), 100, 'a', 1, '{}', 'not_a_film', now()),
    (gen_random_uuid(), 100, 'b', 1, '{}', 'file_too_large', now());
INSERT INTO inference_jobs (id, user_id, type, status, subject, input_type, error_code) VALUES
    (gen_random_uuid(), 100, 'recordings.process', 'failed', 's', 'file', 'undecodable_film');
"""


@pytest_asyncio.fixture
async def before(databases):
    """A database of the version before, and what it becomes."""
    async with databases.copy("template0") as url:
        await upgrade_async(url, "0010")
        connection = await asyncpg.connect(asyncpg_dsn(url))
        yield url, connection
        await connection.close()


async def test_a_cost_that_is_no_number_becomes_unknown_and_sums_follow(before):
    url, connection = before
    await connection.execute(LINES)
    await connection.execute(BUDGETS)
    finite = await connection.fetchval(
        "SELECT sum(cost) FROM llm_tracker_usage WHERE cost NOT IN ('NaN', 'Infinity', '-Infinity')"
    )
    assert finite == sum(n / 8 for n in range(1, 61) if n not in {5, 11, 17, 23})
    await upgrade_async(url)

    assert await connection.fetchrow("SELECT sum(cost), count(*) - count(cost) FROM llm_tracker_usage") == (
        finite,
        4,
    )
    assert await connection.fetchrow("SELECT sum(cost), sum(unpriced_calls) FROM ledger_cube_days") == (
        finite,
        4,
    )
    opening = sum(n / 8 for n in range(1, 39) if n not in {5, 10, 11, 12, 17, 23})
    period = await connection.fetchrow("SELECT opening, used, overrun FROM budget_periods")
    assert period == (opening, opening + 10 / 8 + 1 + 12 / 8, 0.75)
    database = Database.connect(url)
    try:
        assert (await verify(database, CHECKS)).differences == []
    finally:
        await database.close()


async def test_codes_of_refused_files_have_the_names_of_today(before):
    url, connection = before
    await connection.execute(REFUSALS)
    await upgrade_async(url)
    assert [row[0] for row in await connection.fetch("SELECT error_code FROM uploads ORDER BY name")] == [
        "not_a_video",
        "file_too_large",
    ]
    assert await connection.fetchval("SELECT error_code FROM inference_jobs") == "undecodable_video"
