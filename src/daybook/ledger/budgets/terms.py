"""Subjects of a call, and the terms of their budgets, in the memory of a process."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from daybook.ledger.budgets.errors import amount_text
from daybook.ledger.budgets.periods import Period

SubjectKind = Literal["code", "group", "user"]
Unit = Literal["tokens", "usd"]

PLACES: dict[Unit, int] = {"tokens": 0, "usd": 9}
"""Decimal places of a slice."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects of a call: ids of its activation code, group and user."""

    code_id: int | None = None
    group_id: int | None = None
    user_id: int | None = None

    def pairs(self) -> list[tuple[SubjectKind, int]]:
        """Those that there are, as budgets name them."""
        all_three: list[tuple[SubjectKind, int | None]] = [
            ("code", self.code_id),
            ("group", self.group_id),
            ("user", self.user_id),
        ]
        return [(kind, number) for kind, number in all_three if number is not None]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a budget. `limit` is in its unit."""

    id: int
    subject: SubjectKind
    subject_id: int
    period: Period
    unit: Unit
    limit: Decimal
    hard: bool

    def words(self) -> str:
        """For a sentence: `this group's monthly budget of 2.50 USD`."""
        per = "daily" if self.period == "day" else "monthly"
        owner = "activation code" if self.subject == "code" else self.subject
        return f"this {owner}'s {per} budget of {amount_text(self.limit, self.unit)}"


@dataclass(frozen=True, slots=True)
class BudgetWarning:
    """A soft budget is reached: calls go on, and their answers say so."""

    budget_id: int
    limit: Decimal
    used: Decimal
    resets_at: datetime
    words: str
    """For people, in ASCII, fit for a header."""
