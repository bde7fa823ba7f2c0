"""Results of verification and repair."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs from the lines. Amounts of money are exact, as strings."""

    what: str
    """A counter (`users.token_usage`) or a table."""
    key: dict[str, Any]
    """The columns that identify the row."""
    stored: Any
    """The stored values; None if the row is missing."""
    expected: Any
    """The values by the lines, or the violated rule; None if there should be no row."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of verifying the whole ledger at one moment."""

    at: datetime
    seconds: float
    lines: int
    waiting_lines: int
    """Lines that an event of the outbox is going to add to the totals, and has not yet."""
    counts: dict[str, int]
    """The number of differences of each kind."""
    differences: list[Difference] = field(default_factory=list[Difference])
    """Each of them; of one kind at most `MOST`."""

    @property
    def total(self) -> int:
        """The number of differences."""
        return sum(self.counts.values())

    @property
    def balanced(self) -> bool:
        """True if there are no differences."""
        return not self.counts


@dataclass(frozen=True, slots=True)
class Change:
    """A total, counter or rollup that was made true again."""

    what: str
    key: dict[str, Any]
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Repair:
    """The changes of a repair (at most `MOST` of one kind), and the verification afterwards."""

    counts: dict[str, int]
    changes: list[Change]
    afterwards: Verification


MOST = 100_000
"""Differences of one kind that are named one by one. More are only counted."""


class LedgerState(BaseModel):
    """The result of the last verification."""

    balanced: bool | None = Field(description="None if it was never verified.")
    differences: int | None
    lines: int | None
    verified_at: datetime | None
