"""Messages for callers: refused calls, and soft budgets that are reached."""

from datetime import date, datetime
from decimal import Decimal

from daybook.kit.money import money_text
from daybook.ledger.budgets.errors import BudgetReached, PriceUnknown, amount_text
from daybook.ledger.budgets.local_lease import NoRoom
from daybook.ledger.budgets.periods import resets_at
from daybook.ledger.budgets.terms import Terms

_SOON = 2.0  # seconds after which calls in progress may have ended and left room


def budget_reached(
    terms: Terms, start: date, amount: Decimal, problem: NoRoom, moment: datetime
) -> BudgetReached:
    """Return the error of a budget without room for `amount`: used, held by others, and when to retry."""
    told, unit = problem.told, terms.unit
    ends = resets_at(terms.period, start)
    held = max(told.held - problem.own, Decimal(0))
    words = (
        f"{terms.words()} has no room for this call, which may take up to {amount_text(amount, unit)}: "
        f"{amount_text(told.used, unit)} used, {amount_text(held, unit)} held by calls in progress. "
    )
    if told.used + amount <= told.limit:
        retry_after = _SOON
        words += "Try again when they have ended"
    else:
        retry_after = max((ends - moment).total_seconds(), 1.0)
        words += f"It resets at {_text(ends)}"
        if amount <= told.limit:
            words += ", or ask for a shorter answer"
    if amount > told.limit:
        words += "; but the call alone is larger than the whole budget, so ask for a shorter answer"
    return BudgetReached(
        f"{words[0].upper()}{words[1:]}.",
        budget_id=terms.id,
        limit=told.limit,
        used=told.used,
        held=held,
        resets_at=ends,
        retry_after=retry_after,
        details={
            "subject": terms.subject,
            "period": terms.period,
            "unit": unit,
            "amount": _figure(amount, unit),
            "limit": _figure(told.limit, unit),
            "used": _figure(told.used, unit),
            "held": _figure(held, unit),
            "resets_at": ends.isoformat(),
        },
    )


def price_unknown(terms: Terms, model: str) -> PriceUnknown:
    """Return the error of a call under a budget in money if its price is unknown."""
    return PriceUnknown(
        f"The price of the model {model[:128]!r} is unknown, and {terms.words()} covers this call. "
        "An administrator can set the price: 'daybook price set'.",
        details={"model": model[:128]},
    )


def warning_words(terms: Terms, used: Decimal, ends: datetime) -> str:
    """A soft budget is reached; in ASCII, for a header."""
    return f"{terms.words()} is reached: {amount_text(used, terms.unit)} used, resets at {_text(ends)}"


def _figure(amount: Decimal, unit: str) -> int | str:
    return int(amount) if unit == "tokens" else money_text(amount)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"
