"""Events from one domain to another, written in the sender's transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Created


class OutboxEvent(Created, Base):
    """An event and its delivery state."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        # The key comes first: an event about a line is found by the line's id, whatever its type.
        UniqueConstraint("key", "type"),
        CheckConstraint("status IN ('pending', 'consumed', 'dead')", name="status"),
        Index("ix_outbox_events_status_id", "status", "id", postgresql_where=text("status <> 'consumed'")),
        Index(
            "ix_outbox_events_aggregate_id", "aggregate", "id", postgresql_where=text("status = 'pending'")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    """Events of one aggregate are consumed in this order."""
    type: Mapped[str] = mapped_column(String(128))
    version: Mapped[int] = mapped_column(server_default="1")
    """Of the payload's shape."""
    aggregate: Mapped[str] = mapped_column(String(128))
    """The subject of the event: `conversation:<id>`."""
    key: Mapped[str] = mapped_column(String(128))
    """Whoever publishes the same key of the same type again publishes nothing."""
    payload: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16), server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    error: Mapped[str | None] = mapped_column(Text)
    """Why it is not consumed, in words."""
    consumed_at: Mapped[datetime | None]
