"""Verifying: whatever was tampered with is named. Repairing: totals are true again, lines are as they were."""

import asyncio
import json
from decimal import Decimal

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from daybook.ledger.budgets.holds import HoldPart
from daybook.ledger.budgets.settling import Settlement, settle
from daybook.ledger.verification.totals import ROLLUPS
from support.ledger.lines import write_call, write_line
from support.ledger.tampering import tampering
from support.ledger.verified import CHAT, DAY, Ledger


@pytest_asyncio.fixture
async def connection(database_url):
    dsn = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def ledger(database, connection):
    ledger = Ledger(database)
    await ledger.fill(connection)
    return ledger


async def test_a_ledger_that_nobody_touched_balances(ledger):
    found = await ledger.verify()
    assert (found.balanced, found.differences, found.counts) == (True, [], {})
    assert (found.lines, found.waiting_lines) == (5, 0)
    (noted,) = await ledger.sql("SELECT lines, differences FROM ledger_verifications")
    assert noted == {"lines": 5, "differences": 0}


HOUR = "2026-01-31T10:00:00+00:00"
KEY = {
    "group_id": 7,
    "code": "db_x",
    "model": "m",
    "source": "gateway",
    "provider": None,
}
TOTALS = [
    ("UPDATE users SET token_usage = 44 WHERE id = 2", "users.token_usage", {"id": 2}, 44, 15),
    ("UPDATE users SET token_usage = token_usage - 1 WHERE id = 1", "users.token_usage", {"id": 1}, 44, 45),
    ("UPDATE groups SET token_usage = 0", "groups.token_usage", {"id": 7}, 0, 30),
    (
        "UPDATE activation_codes SET token_usage = 31",
        "activation_codes.token_usage",
        {"public_id": "db_x"},
        31,
        30,
    ),
    ("UPDATE agent_chats SET tokens_total = 5", "agent_chats.tokens_total", {"chat_id": CHAT}, 5, 15),
    (
        "UPDATE budget_periods SET used = 14",
        "budget_periods.used",
        {"budget_id": 5, "period_start": "2026-01-31"},
        "14",
        "15",
    ),
    (
        "UPDATE budget_periods SET held = 21",
        "budget_periods.held",
        {"budget_id": 5, "period_start": "2026-01-31"},
        "21",
        "20",
    ),
    (
        "UPDATE budget_periods SET overrun = 3",
        "budget_periods.overrun",
        {"budget_id": 5, "period_start": "2026-01-31"},
        "3",
        "0",
    ),
    (
        """
        UPDATE ledger_dimension_days SET cost = cost + 1
        WHERE day = '2026-02-01Z' AND dimension = 'group' AND value = '' AND source = 'library'
        """,
        "ledger_dimension_days",
        {"dimension": "group", "day": "2026-02-01T00:00:00+00:00", "value": "", "source": "library"},
        {"cost": "1.000000123"},
        {"cost": "0.000000123"},
    ),
    (
        "DELETE FROM ledger_dimension_hours WHERE dimension = 'group' AND hour = '2026-01-31T10:00Z'",
        "ledger_dimension_hours",
        {"dimension": "group", "hour": HOUR, "value": "7", "source": "gateway"},
        None,
        {"calls": 2, "failures": 1, "total_tokens": 30},
    ),
    (
        """
        INSERT INTO ledger_dimension_hours SELECT named.* FROM ledger_dimension_hours AS kept,
            jsonb_populate_record(kept, '{"value": "n"}') AS named
        WHERE kept.hour = '2026-01-31T10:00Z' AND kept.dimension = 'model'
        """,
        "ledger_dimension_hours",
        {"dimension": "model", "hour": HOUR, "value": "n", "source": "gateway"},
        {"calls": 2, "failures": 1, "total_tokens": 30},
        None,
    ),
    (
        "UPDATE ledger_cube_hours SET durations[8] = 1 WHERE hour = '2026-01-31T10:00Z'",
        "ledger_cube_hours",
        {"hour": HOUR, "group_id": 7, "model": "m", "source": "gateway"},
        {"durations": [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]},
        {"durations": [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]},
    ),
    (
        "DELETE FROM ledger_cube_days WHERE group_id IS NULL AND source = 'chat'",
        "ledger_cube_days",
        {"day": "2026-02-01T00:00:00+00:00", "group_id": None, "model": "m", "source": "chat"},
        None,
        {"calls": 1, "total_tokens": 15},
    ),
    (
        "UPDATE ledger_days SET calls = 2 WHERE user_id = 2",
        "ledger_days",
        {**KEY, "day": "2026-01-31T00:00:00+00:00", "user_id": 2},
        {"calls": 2},
        {"calls": 1},
    ),
]
MEASURES = (
    "calls",
    "failures",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "unpriced_calls",
    "estimated_calls",
    "assistant_replies",
)
TRUE = dict(zip(MEASURES, (1, 0, 10, 5, 15, 0, 0, 1, 0, 0), strict=True))
ANAS_HOUR = {**KEY, "hour": HOUR, "user_id": 1}
TOTALS += [
    (
        f"UPDATE ledger_hours SET {name} = {name} + 1 WHERE hour = '2026-01-31T10:00Z' AND user_id = 1",
        "ledger_hours",
        ANAS_HOUR,
        {name: TRUE[name] + 1},
        {name: TRUE[name]},
    )
    for name in MEASURES
]
TOTALS += [
    (
        "UPDATE ledger_hours SET durations[1] = 1 WHERE hour = '2026-01-31T10:00Z' AND user_id = 1",
        "ledger_hours",
        ANAS_HOUR,
        {"durations": [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]},
        {"durations": [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]},
    ),
    (
        "DELETE FROM ledger_hours WHERE hour = '2026-01-31T10:00Z' AND user_id = 1",
        "ledger_hours",
        ANAS_HOUR,
        None,
        TRUE,
    ),
]


def covers(row, part):
    """Whether a row has these columns; a row that is told whole has more."""
    return {**row, **part} == row if isinstance(row, dict) else row == part


@pytest.mark.parametrize(("tampering", "what", "key", "stored", "expected"), TOTALS)
async def test_a_total_that_was_tampered_with_is_named_and_mended(
    ledger, tampering, what, key, stored, expected
):
    lines = await ledger.lines()
    await ledger.sql(tampering)

    found = await ledger.verify()
    assert found.counts == {what: 1}
    (difference,) = found.differences
    assert (difference.what, difference.key) == (what, key)
    assert covers(difference.stored, stored)
    assert covers(difference.expected, expected)

    done = await ledger.repair()
    assert done.counts == {what: 1}
    (change,) = done.changes
    assert (change.what, change.key) == (what, key)
    assert (change.before, change.after) == (difference.stored, difference.expected)
    assert done.afterwards.balanced
    assert await ledger.lines() == lines
    (noted,) = await ledger.sql("SELECT what, key, before, after, by FROM ledger_repairs")
    assert (noted["what"], noted["key"], noted["by"]) == (what, key, "ben")
    assert covers(noted["after"], expected)


async def test_a_rollup_of_the_wrong_user_is_moved_to_the_right_one(ledger):
    await ledger.sql(
        "UPDATE ledger_hours SET user_id = NULL, group_id = NULL WHERE user_id = 1 AND group_id = 7"
    )
    found = await ledger.verify()
    assert [(one.key["user_id"], one.stored is None) for one in found.differences] in (
        [(1, True), (None, False)],
        [(None, False), (1, True)],
    )
    assert (await ledger.repair()).counts == {"ledger_hours": 2}
    assert (await ledger.verify()).balanced


async def test_everything_at_once_is_mended_at_once(ledger):
    await ledger.sql(f"TRUNCATE {', '.join(check.what for check in ROLLUPS)}")
    for table in ("users", "groups", "activation_codes"):
        await ledger.sql(f"UPDATE {table} SET token_usage = 1000")
    assert not (await ledger.verify()).balanced
    done = await ledger.repair()
    assert done.afterwards.balanced
    assert done.counts == {
        "users.token_usage": 2,
        "groups.token_usage": 1,
        "activation_codes.token_usage": 1,
        "ledger_hours": 5,
        "ledger_days": 5,
        "ledger_cube_hours": 4,
        "ledger_cube_days": 4,
        "ledger_dimension_hours": 8,
        "ledger_dimension_days": 7,
    }


async def test_repairing_what_balances_changes_nothing(ledger):
    done = await ledger.repair()
    assert (done.counts, done.changes, done.afterwards.balanced) == ({}, [], True)
    assert await ledger.sql("SELECT * FROM ledger_repairs") == []


@pytest.mark.parametrize(
    ("change", "stored", "rule"),
    [
        (
            "total_tokens = 16",
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 16},
            "total_tokens = prompt_tokens + completion_tokens",
        ),
        (
            "cached_tokens = 11",
            {"cached_tokens": 11, "prompt_tokens": 10},
            "cached_tokens <= prompt_tokens",
        ),
        (
            "reasoning_tokens = 6",
            {"reasoning_tokens": 6, "completion_tokens": 5},
            "reasoning_tokens <= completion_tokens",
        ),
        ("duration_ms = -1", {"duration_ms": -1}, "no number is negative"),
        ("cost = -0.5", {"cost": "-0.5"}, "no number is negative"),
        ("cost = 'NaN'", {"cost": "NaN"}, "no number is negative"),
        ("cached_tokens = -1", {"cached_tokens": -1}, "no number is negative"),
    ],
)
async def test_a_line_that_cannot_be_is_named_and_left_alone(ledger, change, stored, rule):
    async with tampering(ledger.database) as tamper:
        await tamper(f"UPDATE llm_tracker_usage SET {change} WHERE id = :id", id=ledger.library)
    lines = await ledger.lines()

    found = await ledger.verify()
    (difference,) = [one for one in found.differences if one.what == "llm_tracker_usage"]
    assert (difference.key, difference.expected) == ({"id": str(ledger.library)}, rule)
    assert covers(difference.stored, stored)
    assert set(found.counts) > {"llm_tracker_usage"}  # its sums are not what they were, either

    done = await ledger.repair()
    assert done.afterwards.counts == {"llm_tracker_usage": 1}
    assert await ledger.lines() == lines


async def test_a_line_that_was_changed_with_care_is_found_by_its_log(ledger):
    """Every total follows the lie."""
    async with tampering(ledger.database) as tamper:
        await tamper(
            "UPDATE llm_tracker_usage SET total_tokens = 5, prompt_tokens = 0 WHERE id = :id", id=ledger.call
        )
    await ledger.repair()
    found = await ledger.verify()
    (difference,) = found.differences
    assert (difference.what, difference.key["usage_id"]) == ("llm_call_logs", str(ledger.call))
    assert difference.stored == {"tokens_used": 15, "prompt_tokens": 10}
    assert difference.expected == {"tokens_used": 5, "prompt_tokens": 0}


async def test_a_line_that_is_gone_is_missed_by_its_log_and_by_totals(ledger):
    async with tampering(ledger.database) as tamper:
        await tamper("DELETE FROM llm_tracker_usage WHERE id = :id", id=ledger.other)
    found = await ledger.verify()
    assert found.counts == {
        "users.token_usage": 1,
        "groups.token_usage": 1,
        "activation_codes.token_usage": 1,
        "ledger_hours": 1,
        "ledger_days": 1,
        "ledger_cube_hours": 1,
        "ledger_cube_days": 1,
        "ledger_dimension_hours": 2,
        "ledger_dimension_days": 2,
        "llm_call_logs": 1,
    }
    assert found.differences[-1].expected is None


async def test_a_log_that_is_gone_is_missed_unless_its_month_was_pruned(ledger):
    await ledger.sql("DELETE FROM llm_call_logs WHERE usage_id = :id", id=ledger.call)
    (difference,) = (await ledger.verify()).differences
    assert (difference.key, difference.stored) == ({"usage_id": str(ledger.call)}, None)
    assert difference.expected["tokens_used"] == 15

    await ledger.sql("INSERT INTO pruned_months (month, rows, bytes) VALUES ('2026-02-01', 1, 1)")
    assert not (await ledger.verify()).balanced
    await ledger.sql("INSERT INTO pruned_months (month, rows, bytes) VALUES ('2026-01-01', 1, 1)")
    assert (await ledger.verify()).balanced


async def test_two_logs_of_one_line_are_one_too_many(ledger):
    log = {"tokens_used": 15, "prompt_tokens": 10, "completion_tokens": 5, "group_id": 7}
    await write_call(ledger.database, "2026-01-31T10:15", usage_id=ledger.call, activation_code="db_x", **log)
    found = await ledger.verify()
    assert [(one.what, one.stored) for one in found.differences] == [
        ("llm_call_logs of one line", {"logs": 2})
    ]


async def test_messages_that_say_another_thing_than_their_turns_are_named(ledger):
    await ledger.sql("UPDATE chat_histories SET tokens_consumed = 3")
    found = await ledger.verify()
    assert [(one.what, one.stored, one.expected) for one in found.differences] == [
        ("chat_histories.tokens_consumed", 3, 15)
    ]


async def test_a_line_counts_when_its_event_is_consumed(ledger):
    line = await write_line(
        ledger.database,
        "2026-02-01T03:00",
        user_id=1,
        source="title",
        posted_by="outbox",
        conversation_id=CHAT,
    )
    found = await ledger.verify()
    assert (found.balanced, found.waiting_lines) == (True, 1)

    said = {"user_id": 1, "conversation_id": CHAT, "tokens_delta": 15}
    await ledger.sql(
        "INSERT INTO outbox_events (type, aggregate, key, payload, status)"
        " VALUES ('chat.token.usage.adjust.requested', 'x', :key, CAST(:payload AS jsonb), 'consumed')"
        " ON CONFLICT (key, type) DO UPDATE SET status = 'consumed'",
        key=str(line),
        payload=json.dumps(said),
    )
    found = await ledger.verify()  # consumed, and added to nothing
    assert [(one.what, one.stored, one.expected) for one in found.differences] == [
        ("users.token_usage", 45, 60),
        ("agent_chats.tokens_total", 15, 30),
    ]
    assert (await ledger.repair()).afterwards.balanced


async def test_calls_that_are_written_meanwhile_make_no_difference(ledger):
    stop = asyncio.Event()

    async def write():
        while not stop.is_set():
            await write_line(ledger.database, "2026-02-01T04:00", user_id=1, group_id=7, code="db_x")

    writers = [asyncio.create_task(write()) for _ in range(3)]
    for _ in range(5):
        assert (await ledger.verify()).differences == []
        await ledger.sql("UPDATE users SET token_usage = token_usage + 7")
        done = await ledger.repair()
        assert done.counts["users.token_usage"] == 2
        assert done.afterwards.differences == []
    stop.set()
    await asyncio.gather(*writers)
    assert (await ledger.verify()).balanced


async def test_a_repair_waits_for_a_writer_and_sees_what_it_wrote(ledger, connection):
    await ledger.sql("UPDATE users SET token_usage = 0 WHERE id = 1")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "INSERT INTO llm_tracker_usage (id, user_id, model, prompt_tokens, total_tokens)"
        " VALUES (gen_random_uuid(), 1, 'm', 100, 100)"
    )
    repair = asyncio.create_task(ledger.repair())
    await asyncio.sleep(0.3)
    assert not repair.done()
    await transaction.commit()
    done = await repair
    assert [change.after for change in done.changes] == [145]
    assert done.afterwards.balanced


async def test_what_a_settlement_says_is_what_its_line_took(ledger):
    await ledger.sql("UPDATE budget_settlements SET used = 99")
    (difference,) = (await ledger.verify()).differences
    assert (difference.what, difference.stored, difference.expected) == (
        "budget_settlements.used",
        "99",
        "15",
    )
    assert difference.key == {"call_id": str(ledger.call), "budget_id": 5}
    assert (await ledger.repair()).afterwards.balanced


async def test_the_period_of_a_budget_that_is_gone_is_made_anew(ledger, connection):
    over = Settlement(ledger.other, None, [HoldPart(5, DAY, Decimal(10), "tokens")], 15, None)
    async with connection.transaction():
        await settle(connection, [over])
    assert (await ledger.verify()).balanced
    before = await ledger.sql("SELECT * FROM budget_periods")
    await ledger.sql("DELETE FROM budget_leases")
    await ledger.sql("DELETE FROM budget_periods")
    assert set((await ledger.verify()).counts) == {"budget_periods.used"}
    assert (await ledger.repair()).afterwards.balanced
    assert await ledger.sql("SELECT * FROM budget_periods") == [{**before[0], "held": 0}]
    assert (before[0]["used"], before[0]["overrun"]) == (30, 5)


async def test_a_user_who_comes_after_their_lines_begins_with_them(ledger):
    await write_line(ledger.database, "2026-02-01T03:00", user_id=77, source="library")
    assert (await ledger.verify()).balanced
    await ledger.sql("INSERT INTO users (id, account) VALUES (77, 'late')")
    assert (await ledger.sql("SELECT token_usage FROM users WHERE id = 77"))[0]["token_usage"] == 15
    await write_line(ledger.database, "2026-02-01T04:00", user_id=77, source="library")
    assert (await ledger.verify()).balanced
