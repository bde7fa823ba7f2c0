"""Queries over conversations and their messages."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, update

from daybook.assistant.models import Chat, ChatMessage
from daybook.assistant.schemas import Message
from daybook.db.engine import WriteSession
from daybook.kit.errors import NotFound


async def add_message(session: WriteSession, message: Message) -> int:
    """Insert a message; return its id."""
    kept = ChatMessage(
        chat_id=str(message.conversation_id),
        user_id=message.user_id,
        role=message.role,
        message_content=message.message,
        tokens_consumed=message.tokens_consumed,
    )
    session.add(kept)
    await session.flush()
    return kept.id


async def change_chat(
    session: WriteSession, user_id: int, conversation_id: UUID, **values: ColumnElement[Any]
) -> None:
    """Change a conversation of a user. Raises `NotFound`."""
    changed = await session.scalar(
        update(Chat)
        .where(Chat.chat_id == str(conversation_id), Chat.user_id == user_id)
        .values(**values)
        .returning(Chat.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise NotFound(f"User {user_id} has no conversation {conversation_id}.")
