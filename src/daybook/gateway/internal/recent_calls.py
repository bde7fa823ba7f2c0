"""The calls that this process made, remembered until they are surely in the ledger."""

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from daybook.gateway.exchange import Exchange
from daybook.ledger.prices import PriceTable
from llm_tracker.usage import Usage

_REMEMBERED = 20_000  # calls, of some 200 bytes each


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a call, with the usage that its provider reported."""

    succeeded: bool
    is_line: bool
    """True if it was sent, and so leaves a line."""
    tokens: int
    cost: Decimal | None


class RecentCalls:
    """The calls of this process: those in progress, and the latest of the ended ones."""

    def __init__(self) -> None:
        self._ended: OrderedDict[UUID, Ended] = OrderedDict()
        self._in_progress: set[UUID] = set()

    def begin(self, call_id: UUID) -> None:
        """Note that a call begins."""
        self._in_progress.add(call_id)

    def end(self, exchange: Exchange, prices: PriceTable) -> None:
        """Note the end of a call."""
        self._in_progress.discard(exchange.id)
        target, usage = exchange.target, exchange.usage or Usage()
        if exchange.failed_usage is not None:
            usage += exchange.failed_usage
        cost = None
        if target is not None:
            provider = target.config.provider.name
            with contextlib.suppress(Exception):  # then only the ledger may know
                cost = prices.cost(target.model, usage, provider=provider, at=exchange.created_at)
        self._ended[exchange.id] = Ended(
            succeeded=exchange.error is None,
            is_line=exchange.opened and target is not None,
            tokens=usage.total_tokens,
            cost=cost,
        )
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def knows(self, call_id: UUID) -> bool:
        """Return True if this process made the call, or is making it."""
        return call_id in self._in_progress or call_id in self._ended

    def of(self, call_id: UUID) -> Ended | None:
        """Return the end of a call; None if this process did not make it, or it has not ended."""
        return self._ended.get(call_id)
