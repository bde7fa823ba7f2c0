"""What SQLite lacks for the statistics: sums of money that stay exact, and the start of a bucket of time."""

import sqlite3
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

# Far more digits than a sum of prices can have, so that no sum is rounded.
_EXACT = Context(prec=1000)
_FORM = "%Y-%m-%d %H:%M:%S.%f"


def register_sqlite_functions(connection: sqlite3.Connection) -> None:
    """Give a SQLite connection `llm_tracker_sum` and `llm_tracker_bucket`."""
    # The stub takes finalize for a number; sqlite3 takes every type that a column may have.
    connection.create_aggregate("llm_tracker_sum", 1, cast("Any", _ExactSum))
    connection.create_function("llm_tracker_bucket", 3, _bucket, deterministic=True)


class _ExactSum:
    """Sums text as decimals; NULL if there was nothing but NULL, as SUM does."""

    def __init__(self) -> None:
        self.total: Decimal | None = None

    def step(self, value: str | float | None) -> None:
        """Add one value."""
        if value is not None:
            self.total = _EXACT.add(self.total or Decimal(0), Decimal(str(value)))

    def finalize(self) -> str | None:
        """The sum, with all its digits."""
        return None if self.total is None else format(self.total, "f")


def _bucket(granularity: str, moment: str, timezone: str) -> str:
    """The moment in UTC at which the hour, day or month begins in a timezone, as date_trunc has it."""
    local = datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    start = local.replace(minute=0, second=0, microsecond=0)
    if granularity != "hour":
        start = start.replace(hour=0, fold=0)
    if granularity == "month":
        start = start.replace(day=1)
    return start.astimezone(UTC).strftime(_FORM)
