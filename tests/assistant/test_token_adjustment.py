"""A title's tokens reach person and conversation by an event: once, whenever it comes, and only if it is true."""

import uuid

import pytest

from daybook.assistant.schemas import TokenAdjustment
from daybook.ledger import posting
from daybook.ledger.outbox import service
from llm_tracker.ids import uuid7
from support.ledger.lines import write_line

CONVERSATION = "018f3a5e-0000-7000-8000-000000000001"
GOOD = {
    "user_id": 1,
    "conversation_id": CONVERSATION,
    "tokens_delta": 15,
    "reason": "title",
    "triggered_at": "2026-01-31T10:00:00Z",
}


async def unposted(conversation):
    async with conversation.database.read() as session:
        return [
            (one.line_id, one.tokens, one.event_status) for one in await posting.pending_adjustments(session)
        ]


async def test_the_tokens_are_added_once_to_person_and_conversation(conversation):
    line_id = await conversation.line()
    assert await conversation.totals() == (0, 0, 0)
    assert await unposted(conversation) == [(line_id, 15, "pending")]
    assert await conversation.balanced()
    key = await conversation.publish(line_id)  # it has come with the line

    assert await conversation.deliver() == ["consumed"]
    assert await conversation.totals() == (15, 15, 0)
    assert await unposted(conversation) == []
    assert (await conversation.outbox.row(key))["status"] == "consumed"
    await conversation.publish(line_id)
    assert await conversation.deliver() == []
    assert await conversation.totals() == (15, 15, 0)
    assert await conversation.balanced()


async def test_a_line_brings_its_event_along(conversation):
    line_id = await conversation.line()
    event = await conversation.outbox.row(str(line_id))
    assert (event["aggregate"], event["version"]) == (f"conversation:{CONVERSATION}", 1)
    TokenAdjustment.model_validate(event["payload"])
    assert {**event["payload"], "triggered_at": None} == {**GOOD, "triggered_at": None}

    nobodys = [await conversation.line(user_id=None), await conversation.line(conversation_id=None)]
    assert [(one, 15, None) for one in nobodys] == (await unposted(conversation))[1:]


async def test_lines_that_the_trigger_adds_are_not_touched(conversation):
    await write_line(conversation.database, "2026-01-31T10:00", user_id=1)
    await write_line(conversation.database, "2026-01-31T10:00", user_id=1, posted_by="turn")
    assert await conversation.totals() == (15, 0, 0)
    assert await unposted(conversation) == []


async def test_a_lines_group_and_code_get_its_tokens_with_the_event(conversation):
    await conversation.outbox.sql("INSERT INTO groups (id, name) VALUES (1, 'g')")
    await conversation.outbox.sql(
        "INSERT INTO activation_codes (public_id, code_hash, group_id) VALUES ('db_x', '\\x00', 1)"
    )
    await conversation.line(group_id=1, code="db_x")
    sums = "SELECT groups.token_usage + activation_codes.token_usage AS tokens FROM groups, activation_codes"
    assert await conversation.outbox.sql(sums) == [{"tokens": 0}]
    await conversation.deliver()
    assert await conversation.outbox.sql(sums) == [{"tokens": 30}]


async def test_an_event_that_comes_before_its_line_waits_and_the_line_wakes_it(conversation):
    line_id = uuid7()
    key = await conversation.publish(line_id)
    assert await conversation.deliver() == ["retried"]
    assert "not in the ledger yet" in (await conversation.outbox.row(key))["error"]
    assert await conversation.deliver() == []  # it has a pause before it

    await conversation.line(line_id)
    assert await conversation.deliver() == ["consumed"]
    assert await conversation.totals() == (15, 15, 0)


async def test_an_event_that_names_no_line_is_dead_and_a_line_that_comes_late_brings_it_back(conversation):
    line_id = uuid7()
    key = await conversation.publish(line_id)
    await conversation.deliver()
    await conversation.outbox.sql(
        "UPDATE outbox_events SET created_at = now() - interval '1 minute', next_attempt_at = now()"
    )
    assert await conversation.deliver() == ["dead"]
    row = await conversation.outbox.row(key)
    assert (row["status"], row["error"]) == ("dead", "There is no line of that call in the ledger.")
    assert await conversation.totals() == (0, 0, 0)

    await conversation.line()  # another's line wakes nobody
    assert (await conversation.outbox.row(key))["status"] == "dead"
    assert await conversation.deliver() == ["consumed"]
    await conversation.line(line_id)
    assert await conversation.deliver() == ["consumed"]
    assert await conversation.totals() == (30, 30, 0)
    assert await conversation.balanced()


@pytest.mark.parametrize(
    ("line", "payload", "words"),
    [
        ({}, {"tokens_delta": 16}, "tokens_delta: 16, and in the line 15"),
        ({}, {"user_id": 2}, "user_id: 2, and in the line 1"),
        ({"user_id": 2}, {}, "user_id: 1, and in the line 2"),
        ({"conversation_id": str(uuid.UUID(int=7))}, {}, "conversation_id"),
        ({"posted_by": "trigger"}, {}, "added to the totals by trigger"),
        ({"posted_by": "turn"}, {}, "added to the totals by turn"),
        (
            {"user_id": 2, "conversation_id": None},
            {"user_id": 2},
            "User 2 has no conversation",
        ),
        (
            {"conversation_id": None},
            {"conversation_id": uuid.UUID(int=7)},
            "User 1 has no conversation",
        ),
    ],
)
async def test_an_event_that_contradicts_its_line_is_dead_and_changes_nothing(
    conversation, line, payload, words
):
    line_id = uuid7()
    key = await conversation.publish(line_id, **payload)
    await conversation.line(line_id, **line)
    before = await conversation.totals()
    assert await conversation.deliver() == ["dead"]
    assert words in (await conversation.outbox.row(key))["error"]
    assert await conversation.totals() == before
    if line.get("posted_by") != "turn":
        assert await conversation.balanced()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user_id": "1"}, "user_id"),
        ({"user_id": 2**40}, "user_id"),
        ({"conversation_id": "mine"}, "conversation_id"),
        ({"conversation_id": None}, "conversation_id"),
        ({"tokens_delta": -1}, "tokens_delta"),
        ({"tokens_delta": 1.5}, "tokens_delta"),
        ({"tokens_delta": True}, "tokens_delta"),
        ({"tokens_delta": "15"}, "tokens_delta"),
        ({"reason": ""}, "reason"),
        ({"triggered_at": "2026-01-31T10:00:00"}, "triggered_at"),
        ({"triggered_at": "yesterday"}, "triggered_at"),
    ],
)
async def test_a_malformed_event_is_dead_at_once(conversation, change, field):
    line_id = uuid7()
    await conversation.outbox.put(posting.ADJUSTMENT, str(line_id), {**GOOD, **change})
    await conversation.line(line_id)
    assert await conversation.deliver() == ["dead"]
    assert f"malformed. {field}: " in (await conversation.outbox.row(str(line_id)))["error"]
    assert await conversation.totals() == (0, 0, 0)


async def test_a_key_that_is_no_call_is_dead_at_once(conversation):
    await conversation.outbox.put(posting.ADJUSTMENT, "title of Monday", GOOD)
    assert await conversation.deliver() == ["dead"]
    assert "id of a call" in (await conversation.outbox.row("title of Monday"))["error"]


async def test_fields_that_a_newer_program_adds_do_no_harm(conversation):
    line_id = uuid7()
    await conversation.outbox.put(posting.ADJUSTMENT, str(line_id), {**GOOD, "language": "zh-Hant"})
    await conversation.line(line_id)
    assert await conversation.deliver() == ["consumed"]
    assert await conversation.totals() == (15, 15, 0)


async def test_a_dead_events_line_stays_out_of_the_totals_until_it_is_tried_again(conversation):
    line_id = uuid7()
    event_id = await conversation.outbox.put(posting.ADJUSTMENT, str(line_id), {**GOOD, "tokens_delta": 14})
    await conversation.line(line_id)
    await conversation.deliver()
    assert await unposted(conversation) == [(line_id, 15, "dead")]
    assert await conversation.balanced()
    await conversation.outbox.sql("""UPDATE outbox_events SET payload = payload || '{"tokens_delta": 15}'""")
    async with conversation.database.write() as session:
        await service.retry(session, event_id)
    assert await conversation.deliver() == ["consumed"]
    assert await conversation.totals() == (15, 15, 0)
    assert await conversation.balanced()
