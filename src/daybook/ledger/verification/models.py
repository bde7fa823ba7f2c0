"""Verifications of the ledger, and the changes of repairs."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Identity, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from daybook.db.base import Base


class LedgerVerification(Base):
    """One run of `verify`."""

    __tablename__ = "ledger_verifications"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    """The moment that was looked at."""
    seconds: Mapped[float] = mapped_column(Double)
    lines: Mapped[int] = mapped_column(BigInteger)
    differences: Mapped[int] = mapped_column(BigInteger)


class LedgerRepair(Base):
    """A total, counter or rollup that a repair changed. `before` is null if there was no row, `after` if there is none
    now.
    """

    __tablename__ = "ledger_repairs"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    what: Mapped[str] = mapped_column(String(64))
    key: Mapped[Any] = mapped_column(JSONB)
    before: Mapped[Any | None] = mapped_column(JSONB)
    after: Mapped[Any | None] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by: Mapped[str] = mapped_column(String(128))
    """The account of the operating system that ran the command."""
