"""Budgets at the door: a call holds the most that it can take before it is sent."""

from collections.abc import Sequence

from daybook.gateway.apis import Api
from daybook.gateway.body import with_field
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange
from daybook.gateway.routing import Target
from daybook.kit.errors import Unavailable
from daybook.ledger.budgets.bounds import most_tokens
from daybook.ledger.budgets.errors import BudgetReached, PriceUnknown
from daybook.ledger.budgets.keeper import BudgetKeeper
from daybook.ledger.budgets.terms import Subjects
from daybook.ledger.prices import PriceBook


async def hold(
    keeper: BudgetKeeper, exchange: Exchange, api: Api, targets: Sequence[Target], prices: PriceBook
) -> None:
    """Hold what `exchange` can take of its budgets, and set the answer's maximum where the request names none.

    Raises `Refusal`: 429 when a hard budget has no room, 403 when one in money cannot know the price, 503 when the
    database is away.
    """
    grant = exchange.grant
    subjects = Subjects(grant.id, grant.group_id, grant.user_id)
    if not api.line or not keeper.covers(subjects):
        return
    provider = targets[0].provider.provider.value
    bound = most_tokens(
        api.name, exchange.request, len(exchange.body), provider=provider, model=exchange.model
    ).priced(prices, [(one.provider.provider.value, one.model) for one in targets], at=exchange.moment)
    try:
        exchange.hold = await keeper.hold(subjects, bound, model=exchange.model, at=exchange.moment)
    except BudgetReached as reached:
        raise Refusal(429, "budget_reached", reached.message, retry_after=reached.retry_after) from None
    except PriceUnknown as unknown:
        raise Refusal(403, "price_unknown", unknown.message, param="model") from None
    except Unavailable as away:
        raise Refusal(503, "database_away", away.message, retry_after=2) from None
    exchange.warnings = [warning.words for warning in keeper.warnings(subjects)]
    if any(part.amount for part in exchange.hold.parts):
        _keep_within(exchange, bound.changes)


def _keep_within(exchange: Exchange, changes: dict[str, object]) -> None:
    """Write the answer's maximum into the request, so that it cannot take more than it holds."""
    for name, value in changes.items():
        exchange.body = with_field(exchange.body, exchange.request, name, value)
        exchange.request = {**exchange.request, name: value}
