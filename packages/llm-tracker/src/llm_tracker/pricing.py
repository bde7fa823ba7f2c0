"""What a call costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from llm_tracker.usage import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """A price that an administrator set: money per million tokens."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None

    def cost(self, usage: Usage) -> Decimal:
        """The cost of this usage."""
        raise NotImplementedError


def price_of(
    model: str,
    usage: Usage,
    *,
    provider: str | None = None,
    at: datetime | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Decimal | None:
    """The cost of a call, or None where the price is unknown."""
    raise NotImplementedError
