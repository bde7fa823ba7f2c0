"""Errors that refuse a call.

Limited
└── BudgetReached     a hard budget has no room for the call's bound       429
Forbidden
└── PriceUnknown      a hard budget in money, and the price is unknown     403
"""

from datetime import datetime
from decimal import Decimal

from daybook.kit.errors import Forbidden, Limited, Specifics
from daybook.kit.money import money_text


class BudgetReached(Limited):
    """A hard budget has no room for the call. Amounts are in the budget's unit; `used` excludes `held`."""

    code = "budget_reached"

    def __init__(
        self,
        message: str,
        *,
        budget_id: int,
        limit: Decimal,
        used: Decimal,
        held: Decimal,
        resets_at: datetime,
        retry_after: float,
        details: Specifics,
    ) -> None:
        super().__init__(message, retry_after=retry_after, details=details)
        self.budget_id = budget_id
        self.limit = limit
        self.used = used
        self.held = held
        self.resets_at = resets_at


class PriceUnknown(Forbidden):
    """The model's price is unknown, so a budget in money cannot reserve its calls."""

    code = "price_unknown"


def amount_text(amount: Decimal, unit: str) -> str:
    """`amount` for a person: `12,000 tokens`, `2.50 USD`."""
    if unit == "tokens":
        return f"{int(amount):,} tokens"
    return f"{money_text(amount)} USD"
