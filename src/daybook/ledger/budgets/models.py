"""Budgets and their used, leased and settled amounts; the slots of limits per minute."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base, Created, Timestamps


class Budget(Timestamps, Base):
    """The limit of a code, a group or a user for a day or a month (UTC). Set inactive, never deleted.

    A hard budget refuses a call that could exceed it; a soft one warns.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("subject IN ('code', 'group', 'user')", name="subject"),
        CheckConstraint("period IN ('day', 'month')", name="period"),
        CheckConstraint("unit IN ('tokens', 'usd')", name="unit"),
        CheckConstraint('"limit" >= 0', name="limit"),
        UniqueConstraint("subject", "subject_id", "period", "unit", "hard"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    subject: Mapped[str] = mapped_column(String(8))
    subject_id: Mapped[int]
    period: Mapped[str] = mapped_column(String(8))
    unit: Mapped[str] = mapped_column(String(8))
    limit: Mapped[Decimal] = mapped_column(Numeric)
    hard: Mapped[bool] = mapped_column(server_default=text("true"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class BudgetPeriod(Base):
    """One day or month of a budget. Locked before the leases under it, always in the order of its key."""

    __tablename__ = "budget_periods"
    __table_args__ = (
        CheckConstraint("opening >= 0 AND used >= 0 AND held >= 0 AND overrun >= 0", name="positive"),
    )

    budget_id: Mapped[int] = mapped_column(ForeignKey("budgets.id"), primary_key=True)
    period_start: Mapped[date] = mapped_column(primary_key=True)
    opening: Mapped[Decimal] = mapped_column(Numeric, server_default="0")
    """The part of `used` that lines of this period had taken when the budget was set."""
    used: Mapped[Decimal] = mapped_column(Numeric, server_default="0")
    held: Mapped[Decimal] = mapped_column(Numeric, server_default="0")
    """The sum of `granted` minus `settled` of its leases."""
    overrun: Mapped[Decimal] = mapped_column(Numeric, server_default="0")
    """The part of `used` that calls took beyond their holds, because providers reported more than was possible."""
    reached_at: Mapped[datetime | None]
    """When a soft budget was reached and its event was published."""


class BudgetLease(Created, Base):
    """An amount leased to one process. Only its owner writes `granted`, only the shipper `settled`."""

    __tablename__ = "budget_leases"
    __table_args__ = (
        UniqueConstraint("owner", "budget_id", "period_start"),
        ForeignKeyConstraint(
            ["budget_id", "period_start"], ["budget_periods.budget_id", "budget_periods.period_start"]
        ),
        CheckConstraint("settled BETWEEN 0 AND granted", name="settled"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    owner: Mapped[str] = mapped_column(String(128))
    budget_id: Mapped[int]
    period_start: Mapped[date]
    granted: Mapped[Decimal] = mapped_column(Numeric, server_default="0")
    settled: Mapped[Decimal] = mapped_column(Numeric, server_default="0")


class BudgetOwner(Created, Base):
    """A process that leases, and when it was last seen alive."""

    __tablename__ = "budget_owners"

    owner: Mapped[str] = mapped_column(String(128), primary_key=True)
    takes_callers: Mapped[bool] = mapped_column(server_default="true")
    """True for a gateway, which has a share of the limits per minute."""
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BudgetSettlement(Base):
    """One call's reservation and usage of one budget. No foreign keys: history outlives its subjects."""

    __tablename__ = "budget_settlements"

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    budget_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    period_start: Mapped[date]
    held: Mapped[Decimal] = mapped_column(Numeric)
    used: Mapped[Decimal] = mapped_column(Numeric)


class RateSlot(Base):
    """Usage of one code in a few seconds. Unlogged: a crash of the server loses a minute."""

    __tablename__ = "rate_slots"
    __table_args__ = (
        CheckConstraint("kind IN ('requests', 'tokens')", name="kind"),
        {"prefixes": ["UNLOGGED"]},
    )

    code_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    slot: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    used: Mapped[int] = mapped_column(BigInteger, server_default="0")
