"""An upload as the API answers it."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class UploadResponse(BaseModel):
    """A file that is being sent, or was. `offset` of its `length` bytes have come."""

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
