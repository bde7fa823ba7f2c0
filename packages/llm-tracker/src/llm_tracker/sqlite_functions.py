"""SQLite functions for the statistics: exact sums of money, and the start of a time bucket."""

import sqlite3
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

# More digits than any sum of prices has, so that none is rounded.
_EXACT = Context(prec=1000)
_FORM = "%Y-%m-%d %H:%M:%S.%f"


def register_sqlite_functions(connection: sqlite3.Connection) -> None:
    """Register `llm_tracker_sum` and `llm_tracker_bucket` on a SQLite connection."""
    # The stub wants a number from finalize; sqlite3 accepts every column type.
    connection.create_aggregate("llm_tracker_sum", 1, cast("Any", _ExactSum))
    connection.create_function("llm_tracker_bucket", 3, _bucket, deterministic=True)


class _ExactSum:
    """Sum of text as decimals; NULL if all values are NULL, like SUM."""

    def __init__(self) -> None:
        self.total: Decimal | None = None

    def step(self, value: str | float | None) -> None:
        """Add one value."""
        if value is not None:
            self.total = _EXACT.add(self.total or Decimal(0), Decimal(str(value)))

    def finalize(self) -> str | None:
        """Return the sum with all its digits."""
        return None if self.total is None else format(self.total, "f")


def _bucket(granularity: str, moment: str, timezone: str) -> str:
    """Return the start in UTC of the hour, day or month in a timezone, like date_trunc."""
    local = datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    start = local.replace(minute=0, second=0, microsecond=0)
    if granularity != "hour":
        start = start.replace(hour=0, fold=0)
    if granularity == "month":
        start = start.replace(day=1)
    return start.astimezone(UTC).strftime(_FORM)
