"""What verifying the ledger and repairing its totals say."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not what the lines say. Amounts of money are exact, as strings."""

    what: str
    """A counter (`users.token_usage`) or a table."""
    key: dict[str, Any]
    """Which row: the columns that tell it."""
    stored: Any
    """What stands there; None where the row is missing."""
    expected: Any
    """What the lines say, or the rule that is broken; None where there should be no such row."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of verifying the whole ledger at one moment."""

    at: datetime
    seconds: float
    lines: int
    waiting_lines: int
    """Lines that an event of the outbox is going to add to the totals, and has not yet."""
    counts: dict[str, int]
    """How many differences there are, by what differs."""
    differences: list[Difference] = field(default_factory=list[Difference])
    """Each of them; of one kind at most `MOST`."""

    @property
    def total(self) -> int:
        """The number of differences."""
        return sum(self.counts.values())

    @property
    def balanced(self) -> bool:
        """Whether everything is what the lines say."""
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
    """What `repair` changed (of one kind at most `MOST` are named), and what it found afterwards."""

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
