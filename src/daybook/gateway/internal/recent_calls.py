"""What this process remembers of the calls that it has made, until they are surely in the ledger."""

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from daybook.gateway.call.exchange import Exchange
from daybook.ledger.prices import PriceTable
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
    """The calls of this process: those under way, and the latest of those that have ended."""

    def __init__(self) -> None:
        self._ended: OrderedDict[UUID, Ended] = OrderedDict()
        self._under_way: set[UUID] = set()

    def begin(self, call_id: UUID) -> None:
        """A call begins."""
        self._under_way.add(call_id)

    def end(self, exchange: Exchange, prices: PriceTable) -> None:
        """The call has ended."""
        self._under_way.discard(exchange.id)
        target, usage = exchange.target, exchange.usage or Usage()
        if exchange.spent is not None:
            usage += exchange.spent
        cost = None
        if target is not None:
            provider = target.config.provider.name
            with contextlib.suppress(Exception):  # then the ledger will say, or nobody can
                cost = prices.cost(target.model, usage, provider=provider, at=exchange.moment)
        self._ended[exchange.id] = Ended(
            succeeded=exchange.error is None,
            is_line=exchange.opened and target is not None,
            tokens=usage.total_tokens,
            cost=cost,
        )
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def knows(self, call_id: UUID) -> bool:
        """Whether this process made the call, or is making it."""
        return call_id in self._under_way or call_id in self._ended

    def of(self, call_id: UUID) -> Ended | None:
        """How a call ended; None where this process did not make it, or it has not ended."""
        return self._ended.get(call_id)
