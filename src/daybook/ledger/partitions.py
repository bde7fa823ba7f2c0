"""The months of `llm_call_logs`. There is no default partition: the first writer of a month creates it. Retention drops
partitions.
"""

from datetime import UTC, datetime
from typing import Any, Protocol

_LOCK = 0x6C6F_6773  # "logs": one maker at a time


class Connection(Protocol):
    """As much of an asyncpg connection as is needed here."""

    async def execute(self, query: str, /, *args: Any) -> str:
        """Run one statement."""
        ...

    def transaction(self) -> Any:
        """A transaction as an async context manager."""
        ...


def month_of(moment: datetime) -> tuple[int, int]:
    """Year and month of `moment` in UTC."""
    moment = moment.astimezone(UTC)
    return moment.year, moment.month


async def make_partition(connection: Connection, month: tuple[int, int]) -> None:
    """Make the partition of `month` unless it is there."""
    year, number = month
    following = (year + 1, 1) if number == 12 else (year, number + 1)  # noqa: PLR2004  (December)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS llm_call_logs_{year:04}_{number:02} PARTITION OF llm_call_logs "
            f"FOR VALUES FROM ('{year:04}-{number:02}-01 00:00:00+00') "
            f"TO ('{following[0]:04}-{following[1]:02}-01 00:00:00+00')"
        )
