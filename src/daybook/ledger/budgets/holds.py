"""Reservations of a call in progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from daybook.ledger.budgets.terms import Unit

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class HoldPart:
    """A call's reservation of one period of one budget. `amount` is 0 for a soft budget, which only counts."""

    budget_id: int
    start: date
    amount: Decimal
    unit: Unit

    def as_json(self) -> list[Any]:
        """The part as the journal keeps it: `[7, "2026-01-31", "4096", "tokens"]`."""
        return [self.budget_id, self.start.isoformat(), str(self.amount), self.unit]

    @classmethod
    def of_json(cls, value: Sequence[Any]) -> "HoldPart":
        """Restore the part that `as_json` returned."""
        budget_id, start, amount, unit = value
        return cls(int(budget_id), date.fromisoformat(start), Decimal(amount), unit)

    def after(self, tokens: int | None, cost: Decimal | None) -> "HoldPart":
        """Return the part still needed for the call's usage; all of it if the usage is unknown."""
        used = cost if self.unit == "usd" else tokens
        return self if used is None else replace(self, amount=min(self.amount, max(Decimal(used), _ZERO)))


class Hold:
    """A call's reservations of all its budgets; empty if it has none.

    1. `as_json()` goes into the journal before the call is sent: the shipper settles it.
    2. After the call, `take` lowers the reservation to its usage, and `as_json()` goes into the record of its end.
    3. After that record is written, `close` returns the rest to this process at once.

    A call that was not sent and is in no record is cancelled instead. `close` and `cancel` take effect once.
    """

    __slots__ = ("_put_back", "held", "parts")

    def __init__(
        self, parts: Sequence[HoldPart] = (), put_back: Callable[[HoldPart, Decimal], None] | None = None
    ) -> None:
        self.held = tuple(parts)
        """Taken from the leases."""
        self.parts = self.held
        """The part of it that is still needed."""
        self._put_back = put_back

    def as_json(self) -> list[list[Any]]:
        """Return the reservation for the journal; [] if nothing is held."""
        return [part.as_json() for part in self.parts]

    def take(self, tokens: int | None, cost: Decimal | None) -> None:
        """Lower the reservation to `tokens` and `cost` (USD). None if unknown: all is held until it is settled."""
        self.parts = tuple(part.after(tokens, cost) for part in self.held)

    def close(self) -> None:
        """Return the unused rest. Call after the record of the call's end is written."""
        put_back, self._put_back = self._put_back, None
        if put_back is not None:
            for held, needed in zip(self.held, self.parts, strict=True):
                put_back(held, held.amount - needed.amount)

    def cancel(self) -> None:
        """The call was not sent: nothing of it will be settled."""
        self.take(0, _ZERO)
        self.close()


def parts_of_json(value: Sequence[Sequence[Any]]) -> tuple[HoldPart, ...]:
    """Restore the parts that `Hold.as_json` returned, for a `Settlement`."""
    return tuple(HoldPart.of_json(part) for part in value)
