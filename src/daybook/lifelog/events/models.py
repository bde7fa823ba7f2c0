"""The table of events."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    REAL,
    CheckConstraint,
    Connection,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from daybook.db.base import Base, Timestamps
from daybook.lifelog.events.search import vector
from llm_tracker.ids import uuid7


class Origin(StrEnum):
    """Source of an event."""

    EXTRACTED = "extracted"
    MANUAL = "manual"
    IMPORTED = "imported"


class Event(Timestamps, Base):
    """Something that happened: a segment of a recording, or an entry of the user.

    `search` is computed by the application (`events/search.py`), since the embedded server has no parser for Chinese.
    It is set on every write of a row.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_user_id_start_time", "user_id", "start_time"),
        Index("ix_events_recording_id", "recording_id"),
        Index("ix_events_search", "search", postgresql_using="gin"),
        UniqueConstraint("user_id", "import_key"),
        CheckConstraint("origin IN ('extracted', 'manual', 'imported')", name="origin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    recording_id: Mapped[UUID | None] = mapped_column(ForeignKey("recordings.id", ondelete="SET NULL"))
    start_offset: Mapped[float | None]
    """Seconds from the recording's beginning; null for events without one."""
    start_time: Mapped[datetime | None]
    duration: Mapped[float | None]
    action: Mapped[str | None] = mapped_column(String)
    scene: Mapped[str | None] = mapped_column(String)
    summary: Mapped[str | None] = mapped_column(Text)
    objects: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    embedding: Mapped[list[float] | None] = mapped_column(ARRAY(REAL))
    origin: Mapped[str] = mapped_column(String(16), server_default="manual", default=Origin.MANUAL.value)
    is_described: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    """False while only time and `facts` are known."""
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Measurements: motion, brightness, sound."""
    edited_at: Mapped[datetime | None]
    """Time of the user's last change; no job changes the event after it."""
    thumbnail_s3_key: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[UUID | None]
    """The job that made it."""
    import_key: Mapped[str | None] = mapped_column(String(255))
    """Key in the source of an import, so that repeating it updates instead of duplicating."""
    search: Mapped[Any | None] = mapped_column(TSVECTOR, deferred=True)


@event.listens_for(Event, "before_insert")
@event.listens_for(Event, "before_update")
def _keep_search(_mapper: Mapper[Event], _connection: Connection, row: Event) -> None:
    row.search = vector(
        [
            ("A", row.summary or ""),
            ("B", row.action or ""),
            ("B", row.scene or ""),
            ("C", "\n".join(row.objects or ())),
        ]
    )
