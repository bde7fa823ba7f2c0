"""Sums over the lines of the ledger, kept by the trigger `ledger_totals_by_hour` in the statement that writes them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base

DURATIONS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000)
"""Ends of the buckets of `durations`, in ms: `durations[1]` (PostgreSQL counts from 1) counts calls of less than 10 ms,
`durations[2]` those of 10 to less than 20 ms, `durations[16]` those of 500 s or more. Calls without a duration are in
none. Arrays add up bucket by bucket.
"""


class Measures:
    """The sums. Token buckets are inclusive, as in the lines."""

    calls: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    failures: Mapped[int] = mapped_column(BigInteger, sort_order=2)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=3)
    completion_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=4)
    total_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=5)
    cached_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=6)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=7)
    cost: Mapped[Decimal] = mapped_column(Numeric, sort_order=8)
    """USD; of the calls with a known price."""
    unpriced_calls: Mapped[int] = mapped_column(BigInteger, sort_order=9)
    estimated_calls: Mapped[int] = mapped_column(BigInteger, sort_order=10)
    assistant_replies: Mapped[int] = mapped_column(BigInteger, sort_order=11)
    durations: Mapped[list[int]] = mapped_column(ARRAY(Integer), sort_order=12)


class Dimensions(Measures):
    """All dimensions of a line."""

    user_id: Mapped[int | None]
    group_id: Mapped[int | None]
    code: Mapped[str | None] = mapped_column(String(32))
    model: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(String(32))
    provider: Mapped[str | None] = mapped_column(String(32))


_DIMENSIONS = ("model", "source", "user_id", "group_id", "code", "provider")


class HourTotals(Dimensions, Base):
    """One hour (UTC) of one user's calls, by code, group, model, source and provider."""

    __tablename__ = "ledger_hours"
    __table_args__ = (
        # NULL equals NULL: calls without a user have rows too.
        UniqueConstraint(
            "hour", *_DIMENSIONS, name="uq_ledger_hours_key", postgresql_nulls_not_distinct=True
        ),
        Index("ix_ledger_hours_user_id_hour", "user_id", "hour"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    hour: Mapped[datetime]


class DayTotals(Dimensions, Base):
    """The same of one day (UTC)."""

    __tablename__ = "ledger_days"
    __table_args__ = (
        UniqueConstraint("day", *_DIMENSIONS, name="uq_ledger_days_key", postgresql_nulls_not_distinct=True),
        Index("ix_ledger_days_user_id_day", "user_id", "day"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[datetime]


class CubeKey(Measures):
    """The dimensions of all users' calls together."""

    group_id: Mapped[int | None]
    model: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(String(32))


_CUBE = ("model", "source", "group_id")


class CubeHourTotals(CubeKey, Base):
    """One hour (UTC) of all users' calls, by model, source and group."""

    __tablename__ = "ledger_cube_hours"
    __table_args__ = (
        UniqueConstraint("hour", *_CUBE, name="uq_ledger_cube_hours_key", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    hour: Mapped[datetime]


class CubeDayTotals(CubeKey, Base):
    """The same of one day (UTC)."""

    __tablename__ = "ledger_cube_days"
    __table_args__ = (
        UniqueConstraint("day", *_CUBE, name="uq_ledger_cube_days_key", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[datetime]


class DimensionHourTotals(Measures, Base):
    """One hour (UTC) of all calls of one model, or of one group, by source. Every call is in two rows.

    So many rows as there are models and groups, and not as there are pairs of them.
    """

    __tablename__ = "ledger_dimension_hours"
    __table_args__ = (CheckConstraint("dimension IN ('model', 'group')", name="dimension"),)

    dimension: Mapped[str] = mapped_column(String(5), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(128), primary_key=True)
    """The model's name, or the group's id; empty for calls without a group."""
    source: Mapped[str] = mapped_column(String(32), primary_key=True)


class DimensionDayTotals(Measures, Base):
    """The same of one day (UTC)."""

    __tablename__ = "ledger_dimension_days"
    __table_args__ = (CheckConstraint("dimension IN ('model', 'group')", name="dimension"),)

    dimension: Mapped[str] = mapped_column(String(5), primary_key=True)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(128), primary_key=True)
    source: Mapped[str] = mapped_column(String(32), primary_key=True)
