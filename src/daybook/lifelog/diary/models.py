"""The diary: one page per person and day, with the versions that were written of it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Created, Timestamps
from llm_tracker.ids import uuid7


class DiaryPage(Timestamps, Base):
    """A day's page. `content` is the newest version's text; `own_text` is the user's, which no version replaces."""

    __tablename__ = "diary"
    __table_args__ = (
        UniqueConstraint("user_id", "diary_date"),
        Index("ix_diary_user_id", "user_id"),
        Index("ix_diary_diary_date", "diary_date"),
        Index("ix_diary_events_hash", "events_hash"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    diary_date: Mapped[date]
    content: Mapped[str | None] = mapped_column(Text)
    events_hash: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 over the events that `content` was written from."""
    version: Mapped[int] = mapped_column(server_default="0", default=0)
    """Of `content`; 0 while nothing was written."""
    own_text: Mapped[str | None] = mapped_column(Text)
    own_text_updated_at: Mapped[datetime | None]


class DiaryVersion(Created, Base):
    """One version of a page. Rows are only added."""

    __tablename__ = "diary_versions"
    __table_args__ = (UniqueConstraint("diary_id", "version"), UniqueConstraint("job_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    diary_id: Mapped[UUID] = mapped_column(ForeignKey("diary.id", ondelete="CASCADE"))
    version: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    events_hash: Mapped[str] = mapped_column(String(64))
    citations: Mapped[list[Any]] = mapped_column(JSONB)
    """The sentences in order, each with the ids of the events that it is from."""
    language: Mapped[str] = mapped_column(String(16))
    tone: Mapped[str | None] = mapped_column(String(32))
    model: Mapped[str | None] = mapped_column(String(128))
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """True if the offline demo model wrote it, which the page says."""
    job_id: Mapped[UUID | None]
    """The job that wrote it, which wrote no other."""


class DiaryRefresh(Base):
    """Progress of a user's automatic refreshes."""

    __tablename__ = "diary_refreshes"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    last_due: Mapped[datetime]
    """Due time of the last refresh done."""
