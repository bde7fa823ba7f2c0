"""Schemas of jobs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from daybook.jobs.models import ERROR_DETAILS, Job, JobStatus
from daybook.kit.schemas import RequestModel

JobTypeName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The job for a request, and whether the request created it."""

    job: Job
    is_new: bool


ErrorDetails = Annotated[
    dict[str, str | int | float],
    Field(description="The values in `error_message`, for translations."),
]


class JobFilter(BaseModel):
    """Which jobs to list. None matches all."""

    model_config = ConfigDict(frozen=True)

    user_id: int | None = None
    type: JobTypeName | None = None
    status: JobStatus | None = None


class JobResponse(BaseModel):
    """A job and its state."""

    id: UUID
    type: str
    status: JobStatus
    input_type: str
    input_url: str | None
    trace_id: str | None = Field(description="The same in the ledger's lines and in the worker's log.")
    error_code: str | None
    error_message: str | None = Field(description="What happened, what it means, what to do.")
    error_details: ErrorDetails
    phase: str | None = Field(description="The current phase of the work.")
    progress: float = Field(description="From 0 to 1.")
    attempts: int = Field(description="Attempts since it was enqueued or retried.")
    params: dict[str, Any]
    metrics: dict[str, Any] = Field(description="Seconds of each phase, tokens, cost.")
    is_being_cancelled: bool = Field(description="Cancellation is requested; the worker is about to stop it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None = Field(description="When the next attempt follows a failed one.")

    @classmethod
    def of(cls, job: Job, **more: Any) -> Self:
        """Build the response from a row and additional values."""
        return cls.model_validate(
            {
                **{name: getattr(job, name) for name in cls.model_fields if hasattr(job, name)},
                "params": job.params or {},
                "metrics": {
                    name: value for name, value in (job.metrics or {}).items() if name != ERROR_DETAILS
                },
                "is_being_cancelled": job.status == JobStatus.PROCESSING
                and job.cancel_requested_at is not None,
                **more,
            }
        )


class AdminJobResponse(JobResponse):
    """A job with its owner and subject."""

    user_id: int | None
    account: str | None = Field(description="The owner's account.")
    subject: str | None


class JobTypeResponse(BaseModel):
    """A job type: its settings and the state of its jobs."""

    type: str
    paused: bool = Field(description="Running jobs continue; no other starts.")
    concurrency: int = Field(description="Jobs that may run at the same time, over all workers.")
    default_concurrency: int
    pending: int
    processing: int
    failed: int
    oldest_pending_at: datetime | None


class JobTypeUpdate(RequestModel):
    """Changes of a job type. Absent fields stay as they are."""

    paused: bool | None = None
    concurrency: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Null: the default concurrency."
    )


class JobsState(BaseModel):
    """The number of pending and running jobs."""

    pending: int
    processing: int
    oldest_pending_at: datetime | None = Field(description="When the oldest pending job was enqueued.")
