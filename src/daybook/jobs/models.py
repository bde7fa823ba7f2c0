"""Tables of jobs, their steps and their types."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from daybook.accounts.models import User
from daybook.db.base import Base, Created, Timestamps
from llm_tracker.ids import uuid7


class JobStatus(StrEnum):
    """The state of a job."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


def _values(kinds: type[StrEnum]) -> list[str]:
    return [kind.value for kind in kinds]


ACTIVE = text("status IN ('pending', 'processing')")

ERROR_DETAILS = "error_details"
"""The key of a failed attempt's error details in `metrics`."""


class Job(Timestamps, Base):
    """A background job. `params.progress` is its progress from 0 to 1."""

    __tablename__ = "inference_jobs"
    __table_args__ = (
        Index("ix_inference_jobs_user_id_created_at", "user_id", "created_at"),
        Index("ix_inference_jobs_status_type", "status", "type"),
        Index("ix_inference_jobs_trace_id", "trace_id"),
        Index("uq_inference_jobs_active_subject", "type", "subject", unique=True, postgresql_where=ACTIVE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    type: Mapped[str] = mapped_column(String(128))
    status: Mapped[JobStatus] = mapped_column(
        Enum(JobStatus, name="job_status", values_callable=_values),
        server_default=JobStatus.PENDING.value,
        default=JobStatus.PENDING,
    )
    input_type: Mapped[str] = mapped_column(String(128))
    input_url: Mapped[str | None] = mapped_column(Text)
    trace_id: Mapped[str | None] = mapped_column(String(64))
    """The same in the job's ledger lines and in the log."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    params: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Seconds of each phase, tokens, cost."""
    subject: Mapped[str | None] = mapped_column(String(255))
    """At most one job of a type and subject is active."""
    phase: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    """Attempts since the job was enqueued or retried by a user."""
    fencing_token: Mapped[int] = mapped_column(server_default="0", default=0)
    """Grows with every attempt. Only the attempt with the latest token may write to the job."""
    queue_id: Mapped[int | None] = mapped_column(BigInteger)
    """The queue entry (`pgqueuer.id`) of an active job."""
    next_attempt_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def progress(self) -> float:
        """The progress from 0 to 1."""
        return float((self.params or {}).get("progress", 0.0))

    @property
    def error_details(self) -> dict[str, str | int | float]:
        """The values in `error_message`."""
        return {} if self.error_code is None else (self.metrics or {}).get(ERROR_DETAILS, {})


class JobStep(Created, Base):
    """A part of a job that no attempt repeats once it is finished.

    A step that calls a model stores `call_id` before the call, so that an answer in the ledger is not paid for again.
    `result` is valid once `finished_at` is set.
    """

    __tablename__ = "job_steps"

    job_id: Mapped[UUID] = mapped_column(
        ForeignKey("inference_jobs.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    attempt: Mapped[int] = mapped_column(server_default="0", default=0)
    call_id: Mapped[UUID | None]
    result: Mapped[Any | None] = mapped_column(JSONB)
    finished_at: Mapped[datetime | None]


class JobTypeControl(Timestamps, Base):
    """A registered job type and its settings."""

    __tablename__ = "job_type_controls"

    type: Mapped[str] = mapped_column(String(128), primary_key=True)
    paused: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    concurrency: Mapped[int | None]
    """Jobs that may run at the same time over all workers; null: `default_concurrency`."""
    default_concurrency: Mapped[int] = mapped_column(server_default="1", default=1)
    """The concurrency in the code; a worker stores it when it starts."""
