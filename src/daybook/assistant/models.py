"""Conversations and their messages."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Created, Timestamps


class Chat(Timestamps, Base):
    """A conversation of one person with the assistant."""

    __tablename__ = "agent_chats"
    __table_args__ = (
        Index("ix_agent_chats_user_id_last_message_at", "user_id", "last_message_at"),
        Index("ix_agent_chats_user_id_status", "user_id", "status"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    chat_id: Mapped[str] = mapped_column(String(36), unique=True)
    user_id: Mapped[int]
    title: Mapped[str | None] = mapped_column(String(255))
    system_prompt: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(String(100))
    message_count: Mapped[int] = mapped_column(server_default="0")
    tokens_total: Mapped[int] = mapped_column(server_default="0")
    """Of the messages' `tokens_consumed`, and of the title's calls."""
    last_message_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(32), server_default="active")
    deleted_at: Mapped[datetime | None]


class ChatMessage(Created, Base):
    """One message of a conversation."""

    __tablename__ = "chat_histories"
    __table_args__ = (
        Index("ix_chat_histories_chat_id", "chat_id"),
        Index("ix_chat_histories_user_id_chat_id", "user_id", "chat_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    chat_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("agent_chats.chat_id", onupdate="CASCADE", ondelete="CASCADE")
    )
    user_id: Mapped[int]
    message_content: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(String(32))
    tokens_consumed: Mapped[int] = mapped_column(server_default="0")
    """A person's message: 0. The assistant's: its whole turn, all model calls in it."""
