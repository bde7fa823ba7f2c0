"""What this process remembers of the calls that it has made, until they are surely in the book."""

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from daybook.gateway.exchange import Exchange
from daybook.ledger.prices import PriceBook
from llm_tracker.usage import Usage

_REMEMBERED = 20_000  # calls, of some 200 bytes each


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended, and what it took as far as its provider reported it."""

    succeeded: bool
    is_line: bool
    """Whether it was sent, and so leaves a line."""
    tokens: int
    cost: Decimal | None


class Memory:
    """The calls of this process that have ended, the latest of them."""

    def __init__(self) -> None:
        self._ended: OrderedDict[UUID, Ended] = OrderedDict()

    def note(self, exchange: Exchange, prices: PriceBook) -> None:
        """A call has ended."""
        target, usage = exchange.target, exchange.usage or Usage()
        if exchange.spent is not None:
            usage += exchange.spent
        cost = None
        if target is not None:
            provider = target.provider.provider.value
            with contextlib.suppress(Exception):  # then the book will say, or nobody can
                cost = prices.cost(target.model, usage, provider=provider, at=exchange.moment)
        self._ended[exchange.id] = Ended(
            succeeded=exchange.error is None,
            is_line=exchange.opened and target is not None,
            tokens=usage.total_tokens,
            cost=cost,
        )
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def of(self, call_id: UUID) -> Ended | None:
        """How a call ended; None where this process did not make it, or it has not ended."""
        return self._ended.get(call_id)
