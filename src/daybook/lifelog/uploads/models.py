"""Uploads in progress and finished."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Timestamps
from llm_tracker.ids import uuid7


class Upload(Timestamps, Base):
    """A file that is or was uploaded. The size of the staged file is the number of bytes received."""

    __tablename__ = "uploads"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    length: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 of the whole file by the client."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Further metadata of the client, and `error_details`."""
    recording_id: Mapped[UUID | None] = mapped_column(ForeignKey("recordings.id", ondelete="SET NULL"))
    """Set when the file has been ingested."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None]
    """Reason of the rejection."""
    finished_at: Mapped[datetime | None]
    """When it was ingested or rejected. A complete upload without it still waits for that."""
    expires_at: Mapped[datetime] = mapped_column(index=True)

    @property
    def error_details(self) -> dict[str, str | int | float]:
        """Specifics of `error`."""
        return self.details.get("error_details", {})
