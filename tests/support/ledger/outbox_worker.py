"""Processes that publish events and deliver them, to be killed (`Forks`)."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text

from daybook.assistant.schemas import TokenAdjustment
from daybook.assistant.service import HANDLERS
from daybook.db.engine import Database
from daybook.kit import failpoints
from daybook.ledger import posting
from daybook.ledger.models import Line
from daybook.ledger.outbox import service
from daybook.ledger.outbox.delivery import deliver_next
from daybook.ledger.outbox.handlers import Handlers
from daybook.ledger.outbox.schemas import NewEvent


async def publish(url: str, calls: str) -> None:
    """A line and its event, in one transaction each, for each `[line, user, conversation, tokens]` of JSON."""
    database = Database.connect(url, pool=2)
    for line_id, user_id, conversation_id, tokens in json.loads(calls):
        async with database.write() as session:
            line = Line(
                id=UUID(line_id),
                user_id=user_id,
                conversation_id=conversation_id,
                model="m",
                total_tokens=tokens,
                posted_by="outbox",
            )
            session.add(line)
            adjustment = TokenAdjustment(
                user_id=user_id,
                conversation_id=UUID(conversation_id),
                tokens_delta=tokens,
                reason="title",
                triggered_at=datetime.now(UTC),
            )
            event = NewEvent(posting.ADJUSTMENT, line_id, f"conversation:{conversation_id}", adjustment)
            await service.publish(session, event)
            failpoints.point("publisher.commit.before")


async def deliver(url: str) -> None:
    """Deliver until nothing waits."""
    database, handlers = Database.connect(url, pool=2), Handlers(HANDLERS)
    pending = text("SELECT count(*) FROM outbox_events WHERE status = 'pending'")
    while True:
        if await deliver_next(database, handlers) is None:
            async with database.read() as session:
                if await session.scalar(pending) == 0:
                    return
            await asyncio.sleep(0.01)
