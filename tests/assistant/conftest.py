"""A person with a conversation, lines of their calls, and the events about them."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio
from sqlalchemy import text

from daybook.assistant.models import Chat
from daybook.assistant.schemas import TokenAdjustment
from daybook.assistant.service import HANDLERS
from daybook.db.engine import Database
from daybook.ledger import posting
from daybook.ledger.models import Line
from daybook.ledger.outbox import service
from daybook.ledger.outbox.handlers import Handlers
from daybook.ledger.outbox.schemas import NewEvent
from llm_tracker.ids import uuid7
from support.ledger.outbox import Outbox

CONVERSATION = uuid.UUID("018f3a5e-0000-7000-8000-000000000001")


class Conversation:
    """One conversation of user 1, seen from outside."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.outbox = Outbox(database)
        self.handlers = Handlers(HANDLERS)

    async def prepare(self) -> None:
        await self.outbox.sql("INSERT INTO users (id, account) VALUES (1, 'ana'), (2, 'ben')")
        async with self.database.write() as session:
            session.add(Chat(chat_id=str(CONVERSATION), user_id=1))

    async def line(self, line_id: uuid.UUID | None = None, **columns: Any) -> uuid.UUID:
        """A line of 15 tokens, which its event is to add."""
        values = {
            "id": line_id or uuid7(),
            "user_id": 1,
            "model": "m",
            "source": "title",
            "total_tokens": 15,
            "posted_by": "outbox",
            "conversation_id": str(CONVERSATION),
            **columns,
        }
        async with self.database.write() as session:
            session.add(Line(**values))
        return values["id"]

    async def publish(self, line_id: uuid.UUID, **payload: Any) -> str:
        """Its event, as whoever made the call publishes it; the event's key."""
        key = str(line_id)
        values = {
            "user_id": 1,
            "conversation_id": CONVERSATION,
            "tokens_delta": 15,
            "reason": "title",
            "triggered_at": datetime.now(UTC),
            **payload,
        }
        async with self.database.write() as session:
            await service.publish(
                session,
                NewEvent(posting.ADJUSTMENT, key, f"conversation:{CONVERSATION}", TokenAdjustment(**values)),
            )
        return key

    async def deliver(self) -> list[str]:
        return await self.outbox.deliver_all(self.handlers)

    async def totals(self) -> tuple[int, int, int]:
        """Tokens of user 1, tokens of the conversation, messages in it."""
        (row,) = await self.outbox.sql(
            "SELECT token_usage, tokens_total, message_count FROM users, agent_chats WHERE users.id = 1"
        )
        return row["token_usage"], row["tokens_total"], row["message_count"]

    async def balanced(self) -> bool:
        """Whether the person's total is the sum of their lines without those that wait for an event."""
        async with self.database.read() as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            unposted = await posting.pending_adjustments(session)
            rows = await session.execute(
                text(
                    "SELECT id, token_usage, coalesce((SELECT sum(total_tokens) FROM llm_tracker_usage"
                    " WHERE user_id = users.id), 0) FROM users"
                )
            )
            return all(
                total == lines - sum(one.tokens for one in unposted if one.user_id == user_id)
                for user_id, total, lines in rows
            )


@pytest_asyncio.fixture
async def conversation(database):
    conversation = Conversation(database)
    await conversation.prepare()
    return conversation
