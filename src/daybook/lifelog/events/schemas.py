"""Requests and responses of the events API."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from annotated_types import Gt, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, Field, field_validator

from daybook.kit.schemas import RequestModel, ResponseModel
from daybook.lifelog.events.fields import Duration, Label, Moment, Objects, Summary
from daybook.lifelog.events.models import Origin

MOST_MERGED = 100


class EventResponse(ResponseModel):
    """An event. `thumbnail_url` is a signed link that expires; null without a picture."""

    id: UUID
    recording_id: UUID | None
    start_offset: float | None = Field(description="Seconds from the recording's beginning.")
    start_time: datetime | None
    duration: float | None = Field(description="Seconds.")
    action: str | None
    scene: str | None
    summary: str | None
    objects: list[str]
    origin: Origin
    is_described: bool = Field(description="False while only time and facts are known.")
    facts: dict[str, Any] | None = Field(
        description="Measurements: `motion` and `brightness` from 0 to 1, `sound` in dBFS."
    )
    edited_at: datetime | None
    job_id: UUID | None
    thumbnail_url: str | None = None
    created_at: datetime
    updated_at: datetime | None

    @field_validator("objects", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return [] if value is None else value


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    duration: Duration | None = None
    action: Label | None = None
    scene: Label | None = None
    summary: Summary | None = None
    objects: Objects | None = None


class EventCreate(_Body):
    """An event of the user: a time and at least one text."""

    start_time: Moment = Field(description="Without an offset it is your local time.")


class EventUpdate(_Body):
    """Changes of an event. Omitted fields stay; null clears a field, except the time."""

    start_time: Moment | None = Field(None, description="Without an offset it is your local time.")


class MergerRequest(RequestModel):
    """The events to merge."""

    event_ids: Annotated[list[UUID], MinLen(2), MaxLen(MOST_MERGED)]


class DivisionRequest(BaseModel):
    """The time at which to divide an event."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    at: Annotated[float, Gt(0)] = Field(description="Seconds from the event's beginning.")


class DivisionResponse(BaseModel):
    """The two parts of a divided event."""

    first: EventResponse
    second: EventResponse
