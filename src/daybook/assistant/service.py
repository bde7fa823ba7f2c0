"""Messages of conversations, and the tokens that conversations take.

Invariant: `chat_histories.tokens_consumed`, `agent_chats.tokens_total` and `users.token_usage` change together, in one
transaction, and with them the lines of the ledger that they are the sum of.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func

from daybook.assistant import repository
from daybook.assistant.models import Chat
from daybook.assistant.schemas import Message, TokenAdjustment
from daybook.db.engine import WriteSession
from daybook.kit import failpoints
from daybook.kit.errors import NotFound
from daybook.ledger import posting
from daybook.ledger.outbox.errors import NotYet, Undeliverable
from daybook.ledger.outbox.handlers import Event, Handler

PERSIST = "chat.history.persist.requested"

_LINE_COMES_WITHIN = timedelta(seconds=30)
"""A line is in the ledger about a second after its call. A later one wakes its event, even a dead one: the trigger
`ledger_totals` does that.
"""


async def persist_message(session: WriteSession, message: Message) -> int:
    """Store a message and add its tokens to conversation and user; return the message's id.

    The caller's transaction also writes the turn's lines, with `posted_by = 'turn'`: `tokens_consumed` is their sum.
    Raises `NotFound` if the user has no such conversation.
    """
    # Lock order of the ledger's trigger: users first.
    if message.tokens_consumed:
        await posting.add_to_user(session, message.user_id, message.tokens_consumed)
    await repository.change_chat(
        session,
        message.user_id,
        message.conversation_id,
        message_count=Chat.message_count + 1,
        tokens_total=Chat.tokens_total + message.tokens_consumed,
        last_message_at=func.now(),
    )
    return await repository.add_message(session, message)


async def consume_message(session: WriteSession, event: Event, message: Message) -> None:
    """Store a message that came as an event."""
    del event
    try:
        await persist_message(session, message)
    except NotFound as error:
        raise Undeliverable(error.message) from None


async def adjust_tokens(session: WriteSession, event: Event, adjustment: TokenAdjustment) -> None:
    """Add a call that the ledger's trigger left alone to its person and conversation.

    Raises `Undeliverable` for an event that names no line or says another thing than its line, and `NotYet` while the
    line may be on its way.
    """
    line = await posting.line_of_event(session, _line_id(event))
    if line is None:
        if event.age < _LINE_COMES_WITHIN:
            raise NotYet("The call's line is not in the ledger yet.")
        raise Undeliverable("There is no line of that call in the ledger.")
    if contradictions := _contradictions(line, adjustment):
        raise Undeliverable(f"The event is not what its line says. {'; '.join(contradictions)}.")
    await posting.post(session, line)
    failpoints.point("assistant.adjust.between")
    try:
        await repository.change_chat(
            session,
            adjustment.user_id,
            adjustment.conversation_id,
            tokens_total=Chat.tokens_total + adjustment.tokens_delta,
        )
    except NotFound as error:
        raise Undeliverable(error.message) from None


def _line_id(event: Event) -> UUID:
    try:
        return UUID(event.key)
    except ValueError:
        raise Undeliverable("The event's key must be the id of a call.") from None


def _contradictions(line: posting.OutboxLine, adjustment: TokenAdjustment) -> list[str]:
    """Return the fields in which the event contradicts its line."""
    found: list[str] = []
    if line.posted_by != "outbox":
        found.append(f"the line is added to the totals by {line.posted_by}, not by an event")
    if line.user_id != adjustment.user_id:
        found.append(f"user_id: {adjustment.user_id}, and in the line {line.user_id}")
    if line.total_tokens != adjustment.tokens_delta:
        found.append(f"tokens_delta: {adjustment.tokens_delta}, and in the line {line.total_tokens}")
    if line.conversation_id not in {None, str(adjustment.conversation_id)}:
        found.append(f"conversation_id: {adjustment.conversation_id}, and in the line {line.conversation_id}")
    return found


HANDLERS: tuple[Handler[Any], ...] = (
    Handler(posting.ADJUSTMENT, 1, TokenAdjustment, adjust_tokens),
    Handler(PERSIST, 1, Message, consume_message),
)
"""Handlers of the assistant's events, for the worker."""
