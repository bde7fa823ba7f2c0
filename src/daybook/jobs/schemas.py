"""What is asked of jobs, and what the API says about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from daybook.jobs.models import ERROR_DETAILS, Job, JobStatus

JobTypeName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The job that does what was asked, and whether it was made for it or was on its way already."""

    job: Job
    is_new: bool


ErrorDetails = Annotated[
    dict[str, str | int | float],
    Field(description="What `error_message` says of this very case, for words in another language."),
]


class JobFilter(BaseModel):
    """Which jobs to list; what is absent does not matter."""

    model_config = ConfigDict(frozen=True)

    user_id: int | None = None
    type: JobTypeName | None = None
    status: JobStatus | None = None


class JobResponse(BaseModel):
    """A job and what became of it."""

    id: UUID
    type: str
    status: JobStatus
    input_type: str
    input_url: str | None
    trace_id: str | None = Field(description="The same in the lines of the ledger and in the worker's log.")
    error_code: str | None
    error_message: str | None = Field(description="What happened, what it means, what to do.")
    error_details: ErrorDetails
    phase: str | None = Field(description="What it is at.")
    progress: float = Field(description="From 0 to 1.")
    attempts: int = Field(description="How often it was begun since it was enqueued or tried again.")
    params: dict[str, Any]
    metrics: dict[str, Any] = Field(description="Seconds of each phase, tokens, cost.")
    is_being_cancelled: bool = Field(
        description="Its cancellation is asked for; its worker is about to stop."
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None = Field(description="When it is tried again, after an attempt failed.")

    @classmethod
    def of(cls, job: Job, **more: Any) -> Self:
        """What the API says of `job`, with what its record does not have."""
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
    """A job, with whose it is and what it is about."""

    user_id: int | None
    account: str | None = Field(description="That of the person whose job it is.")
    subject: str | None


class JobTypeResponse(BaseModel):
    """A type of jobs: what is set for it, and how its jobs do."""

    type: str
    paused: bool = Field(description="Jobs that run go on; no other starts.")
    concurrency: int = Field(description="How many may run at a time, over all workers.")
    default_concurrency: int
    pending: int
    processing: int
    failed: int
    oldest_pending_at: datetime | None


class JobTypeUpdate(BaseModel):
    """What to set for a type; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    paused: bool | None = None
    concurrency: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Null: as many as the type says by itself."
    )


class JobsState(BaseModel):
    """How much background work waits and runs."""

    pending: int
    processing: int
    oldest_pending_at: datetime | None = Field(description="When the one that waits longest was enqueued.")
