"""The ledger (one line per model call), call logs, idempotency keys, and prices set by administrators."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Created
from llm_tracker.models import UsageColumns


class Line(UsageColumns, Base):
    """A model call: the library's columns and the application's own.

    Triggers refuse UPDATE, DELETE and TRUNCATE (docs/decisions/0022-lines-stay.md). No foreign keys: a line is kept
    whatever it names. The trigger `ledger_totals` adds it to the totals if `posted_by` is `trigger`.
    """

    __tablename__ = "llm_tracker_usage"
    __table_args__ = (
        Index("ix_llm_tracker_usage_created_at", "created_at"),
        Index("ix_llm_tracker_usage_user_id_created_at", "user_id", "created_at"),
        Index("ix_llm_tracker_usage_posted_by_outbox", "id", postgresql_where=text("posted_by = 'outbox'")),
        CheckConstraint("posted_by IN ('trigger', 'outbox', 'turn')", name="posted_by"),
        CheckConstraint("cost NOT IN ('NaN', 'Infinity', '-Infinity')", name="cost"),
    )

    source: Mapped[str] = mapped_column(String(32), server_default="library")
    duration_ms: Mapped[int | None]
    trace_id: Mapped[str | None] = mapped_column(String(64))
    group_id: Mapped[int | None]
    code: Mapped[str | None] = mapped_column(String(32))
    conversation_id: Mapped[str | None] = mapped_column(String(36))
    assistant_replies: Mapped[int] = mapped_column(server_default="0")
    updated_at: Mapped[datetime | None]
    posted_by: Mapped[str] = mapped_column(String(16), server_default="trigger")
    """Who adds the line to the totals: `ledger/posting.py`."""


class CallLog(Base):
    """The content of a gateway call. Partitioned by month of `call_time`."""

    __tablename__ = "llm_call_logs"
    __table_args__ = (
        PrimaryKeyConstraint("id", "call_time"),
        CheckConstraint("status IN ('success', 'error')", name="status"),
        Index("ix_llm_call_logs_call_time", "call_time"),
        Index("ix_llm_call_logs_usage_id", "usage_id"),
        UniqueConstraint("call_id", "call_time"),
        {"postgresql_partition_by": "RANGE (call_time)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, autoincrement=True)
    usage_id: Mapped[UUID | None]
    config_id: Mapped[int | None]
    template_id: Mapped[int | None]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"))
    activation_code: Mapped[str | None] = mapped_column(String(32))
    api: Mapped[str | None] = mapped_column(String(32))
    model: Mapped[str | None] = mapped_column(String(128))
    request_messages: Mapped[Any] = mapped_column(JSONB)
    request_params: Mapped[dict[str, Any] | None]
    response_content: Mapped[str | None] = mapped_column(Text)
    response_data: Mapped[Any | None] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(String(20))
    error_message: Mapped[str | None] = mapped_column(Text)
    tokens_used: Mapped[int | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    call_time: Mapped[datetime] = mapped_column(server_default=func.now())
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    call_id: Mapped[UUID | None]


class PrunedMonth(Base):
    """A month (UTC, by its first day) whose call logs were pruned: its lines need no logs.

    `rows` and `bytes` add up if a late call created the month again.
    """

    __tablename__ = "pruned_months"

    month: Mapped[date] = mapped_column(primary_key=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    pruned_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IdempotentCall(Created, Base):
    """The call that a code made under an `Idempotency-Key`, and its answer once it is closed.

    `owner` is the journal of the process that makes the call. A closed call without a body had a larger answer
    than is kept.
    """

    __tablename__ = "idempotent_calls"
    __table_args__ = (
        PrimaryKeyConstraint("code_id", "key_hash"),
        Index("ix_idempotent_calls_expires_at", "expires_at"),
        Index("ix_idempotent_calls_owner", "owner"),
    )

    code_id: Mapped[int]
    key_hash: Mapped[bytes]
    request_hash: Mapped[bytes]
    call_id: Mapped[UUID]
    owner: Mapped[str] = mapped_column(String(64))
    closed: Mapped[bool] = mapped_column(server_default="false")
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]
    expires_at: Mapped[datetime]


class ModelPrice(Created, Base):
    """A price that an administrator set, in USD per million tokens; the newest row of a model counts."""

    __tablename__ = "model_prices"
    __table_args__ = (
        Index("ix_model_prices_model_created_at", "model", "created_at"),
        CheckConstraint(
            "input >= 0 AND output >= 0 AND cached_input >= 0 AND cache_write >= 0", name="positive"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    model: Mapped[str] = mapped_column(String(128))
    input: Mapped[Decimal] = mapped_column(Numeric)
    output: Mapped[Decimal] = mapped_column(Numeric)
    cached_input: Mapped[Decimal | None] = mapped_column(Numeric)
    cache_write: Mapped[Decimal | None] = mapped_column(Numeric)
