"""What a call holds of its budgets while it is under way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from daybook.ledger.budgets.terms import Unit

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class HoldPart:
    """What a call holds of one period of one budget. `amount` is 0 for a soft budget, which only counts."""

    budget_id: int
    start: date
    amount: Decimal
    unit: Unit

    def as_json(self) -> list[Any]:
        """The part as the journal keeps it: `[7, "2026-01-31", "4096", "tokens"]`."""
        return [self.budget_id, self.start.isoformat(), str(self.amount), self.unit]

    @classmethod
    def of_json(cls, value: Sequence[Any]) -> "HoldPart":
        """The part that `as_json` told."""
        budget_id, start, amount, unit = value
        return cls(int(budget_id), date.fromisoformat(start), Decimal(amount), unit)

    def after(self, tokens: int | None, cost: Decimal | None) -> "HoldPart":
        """What is left to hold of it once the call's use is known; all of it where it is not."""
        used = cost if self.unit == "usd" else tokens
        return self if used is None else replace(self, amount=min(self.amount, max(Decimal(used), _ZERO)))


class Hold:
    """What a call holds of all its budgets; nothing, where it is under none.

    1. `as_json()` goes into the journal before the call is sent: whoever ships the journal settles it.
    2. When the call is over, `take` lowers the hold to what it took, and `as_json()` goes into the record of its end.
    3. After that record is written, `close` makes the rest usable for other calls of this process, at once.

    A call that was not sent, and that no record names, is cancelled instead. `close` and `cancel` work once; more is
    no error.
    """

    __slots__ = ("_put_back", "held", "parts")

    def __init__(
        self, parts: Sequence[HoldPart] = (), put_back: Callable[[HoldPart, Decimal], None] | None = None
    ) -> None:
        self.held = tuple(parts)
        """What was taken from the leases."""
        self.parts = self.held
        """What is still needed of it."""
        self._put_back = put_back

    def as_json(self) -> list[list[Any]]:
        """The hold as the journal keeps it; [] where nothing is held."""
        return [part.as_json() for part in self.parts]

    def take(self, tokens: int | None, cost: Decimal | None) -> None:
        """The call took `tokens` and `cost` in USD. None is unknown: then all of the hold stays, until it is settled
        by what is found out later.
        """
        self.parts = tuple(part.after(tokens, cost) for part in self.held)

    def close(self) -> None:
        """The record of the call's end is written: what it did not take can be used again."""
        put_back, self._put_back = self._put_back, None
        if put_back is not None:
            for held, needed in zip(self.held, self.parts, strict=True):
                put_back(held, held.amount - needed.amount)

    def cancel(self) -> None:
        """The call was not sent: nothing of it will be settled."""
        self.take(0, _ZERO)
        self.close()


def parts_of_json(value: Sequence[Sequence[Any]]) -> tuple[HoldPart, ...]:
    """The parts that `Hold.as_json` told, for a `Settlement`."""
    return tuple(HoldPart.of_json(part) for part in value)
