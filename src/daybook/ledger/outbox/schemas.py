"""Events to publish, and the API's view of events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Status = Literal["pending", "consumed", "dead"]

EventType = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]


class EventFilter(BaseModel):
    """A filter of events; absent fields match all."""

    model_config = ConfigDict(frozen=True)

    status: Status | None = None
    type: EventType | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to publish.

    `key` is unique within its type. `aggregate` is its subject (`conversation:<id>`); events of one aggregate are
    consumed in the order of their publication. Both have at most 128 characters.
    """

    type: str
    key: str
    aggregate: str
    payload: BaseModel
    version: int = 1


class OutboxEventResponse(BaseModel):
    """An event and its delivery state."""

    id: int
    type: str
    version: int
    aggregate: str
    key: str
    payload: Any
    status: Status
    attempts: int
    next_attempt_at: datetime
    error: str | None = Field(description="Why it is not consumed.")
    created_at: datetime
    consumed_at: datetime | None


class OutboxState(BaseModel):
    """The number of events that wait, and of those that need an administrator."""

    pending: int
    dead: int
    oldest_pending_at: datetime | None = Field(description="When the one that waits longest was published.")


class RetryResponse(BaseModel):
    """The number of dead events that are retried."""

    retried: int
