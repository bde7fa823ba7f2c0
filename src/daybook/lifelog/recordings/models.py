"""Recordings and their files."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Created, Timestamps
from llm_tracker.ids import uuid7


class Recording(Timestamps, Base):
    """A video with its time. Cameras that cut a video into chapters leave several files: `RecordingFile`.

    `s3_key` is the key of the first file in the store, and `video_metadata` what its container says.
    """

    __tablename__ = "recordings"
    __table_args__ = (
        Index("ix_recordings_user_id_start_time", "user_id", "start_time"),
        Index("ix_recordings_user_id_chapters_key", "user_id", "chapters_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str | None] = mapped_column(String(255))
    """Name of the user's file."""
    s3_key: Mapped[str | None] = mapped_column(Text)
    thumbnail_s3_key: Mapped[str | None] = mapped_column(Text)
    content_type: Mapped[str | None] = mapped_column(String(128))
    start_time: Mapped[datetime | None]
    end_time: Mapped[datetime | None]
    time_source: Mapped[str | None] = mapped_column(String(32))
    """Where `start_time` is from: `start_time.Source`."""
    timezone: Mapped[str | None] = mapped_column(String(64))
    """The zone in which a local time without offset was read."""
    duration: Mapped[float | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    is_processed: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """True if thumbnail and previews of all files are there, if they are needed."""
    chapters_key: Mapped[str | None] = mapped_column(String(255))
    """Shared key of its chapters' names; null if the camera cuts none."""
    video_metadata: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class RecordingFile(Created, Base):
    """One file of a recording."""

    __tablename__ = "recording_files"
    __table_args__ = (
        Index("ix_recording_files_s3_key", "s3_key"),
        UniqueConstraint("user_id", "sha256"),
        Index("ix_recording_files_recording_id_position", "recording_id", "position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    recording_id: Mapped[UUID] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    position: Mapped[int]
    """Chapter number by the camera."""
    name: Mapped[str] = mapped_column(String(255))
    s3_key: Mapped[str] = mapped_column(Text)
    preview_s3_key: Mapped[str | None] = mapped_column(Text)
    """A copy that browsers play; null if they play the original."""
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    duration: Mapped[float]
    starts_at: Mapped[float] = mapped_column(server_default="0", default=0.0)
    """Seconds from the recording's beginning."""
    is_processed: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    processing_job_id: Mapped[UUID | None]
    extraction_job_id: Mapped[UUID | None]
    video_metadata: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """As `schemas.FileFacts`."""
