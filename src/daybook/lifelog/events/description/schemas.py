"""Requests and responses of the description API."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from daybook.kit.money import Money


class DescriptionRequest(BaseModel):
    """A request to describe events."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    again: bool = Field(
        default=False, description="Also what a model has described before, unless you changed it."
    )


class JobAcceptedResponse(BaseModel):
    """The job; follow it at `/api/v1/jobs/{job_id}`."""

    job_id: UUID


class JobsAcceptedResponse(BaseModel):
    """The jobs, one for each file."""

    job_ids: list[UUID]


class DescriptionEstimateResponse(BaseModel):
    """Estimated cost of describing. The job's metrics hold the actual cost afterwards."""

    model: str | None = Field(description="Null where there is none; then `reason` says why.")
    reason: str | None
    is_exact: bool = Field(
        description="False while the events are not all there yet: then it is at most so much."
    )
    stretches: int
    frames: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: Money | None = Field(description="USD; null where the price is unknown.")
