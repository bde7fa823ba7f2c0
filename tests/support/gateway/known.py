"""Waiting until a process that calls models knows what the database says."""

from decimal import Decimal
from typing import Any

from daybook.gateway.call.resources import GatewayResources
from support.ledger.budgets import add_budget, period_of
from support.polling import eventually


class Budgets:
    """The budgets of the calls that `resources` make."""

    def __init__(self, resources: GatewayResources, subject: str, subject_id: int) -> None:
        self._keeper = resources.budgets
        self._subject = subject
        self._subject_id = subject_id

    async def add(self, limit: Any, *, subject_id: int | None = None, **terms: Any) -> int:
        """Add a budget; return its id once it is in force."""
        subject_id = subject_id or self._subject_id
        budget = await add_budget(self._keeper._pool, self._subject, subject_id, limit, **terms)
        await eventually(lambda: budget in self._keeper._known.terms)
        return budget

    async def settled(self, budget: int, used: Any) -> None:
        """Wait until `used` is settled."""

        async def is_settled() -> bool:
            period = await period_of(self._keeper._pool, budget)
            return period is not None and period[0] == used

        await eventually(is_settled)

    async def noticed(self, budget: int, used: Any) -> None:
        """Wait until the process knows that `used` of a soft budget is settled."""
        await eventually(lambda: self._keeper._known.used.get(budget, (None, None))[1] == Decimal(used))


async def read_providers(resources: GatewayResources) -> None:
    """Read providers and prices again, which a call does only a second after it did."""
    resources.catalogue._read_at = None
    await resources.catalogue.configs()
