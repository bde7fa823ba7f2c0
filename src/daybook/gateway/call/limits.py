"""Limits of a call: it counts against limits per minute and holds its maximum of its budgets before it is sent."""

from collections.abc import Sequence

from daybook.accounts.service import CodeGrant
from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound
from daybook.gateway.call.body import written
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.errors import Refusal, database_unavailable
from daybook.gateway.exchange import Exchange
from daybook.gateway.grants import InternalGrant
from daybook.gateway.providers.config import Target
from daybook.kit.errors import Unavailable
from daybook.ledger.budgets.errors import BudgetReached, PriceUnknown
from daybook.ledger.budgets.keeper import BudgetKeeper
from daybook.ledger.budgets.terms import Subjects
from daybook.ledger.rate_limits.counters import RateKeeper
from daybook.ledger.rate_limits.windows import RateReached


async def hold(resources: GatewayResources, exchange: Exchange, api: Api, targets: Sequence[Target]) -> None:
    """Hold the most that the call can use, and set the answer's maximum if a hard budget needs one and none is named.

    Raises `Refusal`: 429 if a limit is reached, 403 if a budget in money has no price, 503 if a hard budget cannot be
    checked without the database.
    """
    grant = exchange.grant
    subjects = Subjects(grant.id, grant.group_id, grant.user_id)
    limited = grant.requests_per_minute is not None or grant.tokens_per_minute is not None
    covered = api.line and resources.budgets.covers(subjects)
    if not limited and not covered:
        return
    asked = Asked.of(
        exchange.request,
        len(exchange.body),
        model=exchange.model,
        max_tokens_field=targets[0].config.provider.max_tokens_field,
        answer_tokens=resources.answer_tokens,
    )
    bound = api.bound(asked)
    if limited and not isinstance(grant, InternalGrant):
        await _count(resources.rates, exchange, grant, bound)
    if covered:
        priced = [(one.config.provider.name, one.model) for one in targets]
        priced_bound = bound.priced(resources.catalogue.prices, priced, at=exchange.created_at)
        await _hold(resources.budgets, subjects, exchange, api, priced_bound)


async def _count(rates: RateKeeper, exchange: Exchange, code: CodeGrant, bound: Bound) -> None:
    try:
        exchange.rate_hold = await rates.hold(
            code.id,
            requests=code.requests_per_minute,
            tokens=code.tokens_per_minute,
            most_tokens=bound.tokens,
        )
    except RateReached as reached:
        refuse = {"requests": _too_many_requests, "tokens": _too_many_tokens}[reached.kind]
        raise refuse(reached) from None


async def _hold(
    budgets: BudgetKeeper, subjects: Subjects, exchange: Exchange, api: Api, bound: Bound
) -> None:
    try:
        exchange.hold = await budgets.hold(subjects, bound, model=exchange.model, at=exchange.created_at)
    except BudgetReached as reached:
        raise Refusal(
            429,
            "budget_reached",
            reached.message,
            retry_after=reached.retry_after,
            details=reached.details,
        ) from None
    except PriceUnknown as unknown:
        raise Refusal(403, "price_unknown", unknown.message, param="model", details=unknown.details) from None
    except Unavailable:
        raise database_unavailable() from None
    exchange.warnings = [warning.words for warning in budgets.warnings(subjects)]
    if any(part.amount for part in exchange.hold.parts):
        exchange.token_bound = bound.prompt_tokens, bound.completion_tokens
        _keep_within(exchange, api, bound)


def _keep_within(exchange: Exchange, api: Api, bound: Bound) -> None:
    """Write the answer's maximum into the request, and every name only once: it cannot use more than it holds."""
    if api.body == "json":
        exchange.request = {**exchange.request, **bound.changes}
        exchange.body = written(exchange.request)


def _too_many_requests(reached: RateReached) -> Refusal:
    return Refusal(429, "requests_per_minute", reached.message, retry_after=reached.retry_after)


def _too_many_tokens(reached: RateReached) -> Refusal:
    return Refusal(429, "tokens_per_minute", reached.message, retry_after=reached.retry_after)
