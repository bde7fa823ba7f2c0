"""Requests and responses of the description API."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from daybook.kit.money import Money


class DescriptionRequest(BaseModel):
    """A request to describe events."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    again: bool = Field(default=False, description="Also events described before, unless you changed them.")


class JobAcceptedResponse(BaseModel):
    """The job; follow it at `/api/v1/jobs/{job_id}`."""

    job_id: UUID


class JobsAcceptedResponse(BaseModel):
    """The jobs, one for each file."""

    job_ids: list[UUID]


class DescriptionEstimateResponse(BaseModel):
    """Estimated cost of describing. The job's metrics hold the actual cost afterwards."""

    model: str | None = Field(description="Null if none is available; `reason` tells why.")
    reason: str | None
    is_exact: bool = Field(
        description="False while events are still being extracted; the values are maxima then."
    )
    stretches: int
    frames: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: Money | None = Field(description="USD; null if the price is unknown.")
