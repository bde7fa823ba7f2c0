"""Background work and its record."""

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
    """Where a job is in its life."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


def _values(kinds: type[StrEnum]) -> list[str]:
    return [kind.value for kind in kinds]


ACTIVE = text("status IN ('pending', 'processing')")

ERROR_DETAILS = "error_details"
"""The member of a failed attempt's `metrics` that has the details of its error."""


class Job(Timestamps, Base):
    """One piece of background work. `params.progress` is its progress from 0 to 1."""

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
    """Ties the job to its lines in the ledger and to the log."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    params: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Seconds of each phase, tokens, cost."""
    subject: Mapped[str | None] = mapped_column(String(255))
    """What the job is about: of one type and subject at most one job is active at a time."""
    phase: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    """How often it was begun since it was enqueued or a person tried it again."""
    fencing_token: Mapped[int] = mapped_column(server_default="0", default=0)
    """Grows with every attempt and never shrinks: who does not hold the latest may not write on the job."""
    queue_id: Mapped[int | None] = mapped_column(BigInteger)
    """Its entry in the queue (`pgqueuer.id`), while it is active."""
    next_attempt_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def progress(self) -> float:
        """How far it is, from 0 to 1."""
        return float((self.params or {}).get("progress", 0.0))

    @property
    def error_details(self) -> dict[str, str | int | float]:
        """What `error_message` says of this very case."""
        return {} if self.error_code is None else (self.metrics or {}).get(ERROR_DETAILS, {})


class JobStep(Created, Base):
    """A part of a job that is not done again, whoever goes on with the job.

    A step that calls a model notes `call_id` before it does, so that an answer which is in the ledger already is not
    paid for again. `result` counts once `finished_at` is set.
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
    """A type of jobs that some worker knows, and what an administrator has set for it."""

    __tablename__ = "job_type_controls"

    type: Mapped[str] = mapped_column(String(128), primary_key=True)
    paused: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    concurrency: Mapped[int | None]
    """How many may run at a time, over all workers; null: `default_concurrency`."""
    default_concurrency: Mapped[int] = mapped_column(server_default="1", default=1)
    """What the type says by itself; a worker notes it when it starts."""
