"""Responses of uploads."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class UploadResponse(BaseModel):
    """A file that is or was uploaded. `offset` of its `length` bytes are received."""

    id: UUID
    name: str
    length: int
    offset: int
    recording_id: UUID | None
    error_code: str | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime
