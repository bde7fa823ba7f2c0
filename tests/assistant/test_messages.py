"""A message is kept with its tokens, in one step: directly, or by an event."""

import uuid

import pytest
from pydantic import ValidationError

from daybook.assistant.schemas import Message
from daybook.assistant.service import PERSIST, persist_message
from daybook.kit.errors import NotFound
from daybook.ledger.models import Line
from daybook.ledger.outbox import service
from daybook.ledger.outbox.schemas import NewEvent
from llm_tracker.ids import uuid7

CONVERSATION = uuid.UUID("018f3a5e-0000-7000-8000-000000000001")


def message(role="assistant", tokens=15, **changes):
    values = {
        "user_id": 1,
        "conversation_id": CONVERSATION,
        "role": role,
        "message": "good day",
        "tokens_consumed": tokens,
    }
    return Message.model_validate({**values, **changes})


async def kept(conversation):
    return await conversation.outbox.sql(
        "SELECT chat_id, user_id, role, message_content, tokens_consumed FROM chat_histories ORDER BY id"
    )


async def test_a_turn_changes_message_conversation_and_person_together(conversation):
    async with conversation.database.write() as session:
        session.add(Line(id=uuid7(), user_id=1, model="m", total_tokens=15, posted_by="turn"))
        await persist_message(session, message("user", 0))
        await persist_message(session, message(message="早安\x00"))
    assert [(row["role"], row["tokens_consumed"]) for row in await kept(conversation)] == [
        ("user", 0),
        ("assistant", 15),
    ]
    assert (await kept(conversation))[1] == {
        "chat_id": str(CONVERSATION),
        "user_id": 1,
        "role": "assistant",
        "message_content": "早安\\u0000",
        "tokens_consumed": 15,
    }
    assert await conversation.totals() == (15, 15, 2)
    assert await conversation.balanced()
    (chat,) = await conversation.outbox.sql("SELECT last_message_at, updated_at FROM agent_chats")
    assert None not in chat.values()


@pytest.mark.parametrize("change", [{"user_id": 2}, {"conversation_id": uuid.UUID(int=7)}])
async def test_another_persons_conversation_is_not_found(conversation, change):
    async with conversation.database.write() as session:
        with pytest.raises(NotFound):
            await persist_message(session, message(**change))
        await session.rollback()
    assert await kept(conversation) == []
    assert await conversation.totals() == (0, 0, 0)


@pytest.mark.parametrize(
    "change",
    [{"role": "user"}, {"role": "robot"}, {"tokens_consumed": -1}, {"message": None}, {"user_id": 0}],
)
def test_a_message_that_cannot_be_is_refused(change):
    with pytest.raises(ValidationError):
        message(**change)


async def test_an_event_keeps_a_message_once(conversation):
    for _ in range(2):
        async with conversation.database.write() as session:
            await service.publish(
                session, NewEvent(PERSIST, "message-1", f"conversation:{CONVERSATION}", message("user", 0))
            )
    assert await conversation.deliver() == ["consumed"]
    assert [row["message_content"] for row in await kept(conversation)] == ["good day"]
    assert await conversation.totals() == (0, 0, 1)


async def test_an_event_for_a_conversation_that_is_not_there_is_dead(conversation):
    said = message(conversation_id=uuid.UUID(int=7)).model_dump(mode="json")
    await conversation.outbox.put(PERSIST, "message-1", said)
    await conversation.outbox.put(PERSIST, "message-2", {**said, "tokens_consumed": "many"}, aggregate="b")
    assert await conversation.deliver() == ["dead", "dead"]
    assert "has no conversation" in (await conversation.outbox.row("message-1"))["error"]
    assert "tokens_consumed" in (await conversation.outbox.row("message-2"))["error"]
    assert await conversation.totals() == (0, 0, 0)


async def test_a_deleted_conversation_takes_its_messages_with_it(conversation):
    async with conversation.database.write() as session:
        await persist_message(session, message("user", 0))
    await conversation.outbox.sql("DELETE FROM agent_chats")
    assert await kept(conversation) == []
