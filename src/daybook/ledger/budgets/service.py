"""Budgets as administrators set them and look at them."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement

from daybook.accounts import service as accounts
from daybook.db.engine import ReadSession, WriteSession, driver_connection
from daybook.kit.clock import now
from daybook.kit.errors import Conflict, Invalid, NotFound
from daybook.kit.pagination import Page
from daybook.ledger.budgets import leases, repository
from daybook.ledger.budgets.models import Budget
from daybook.ledger.budgets.periods import Period, period_start, resets_at
from daybook.ledger.budgets.schemas import BudgetRequest, BudgetResponse, LeaseResponse
from daybook.ledger.budgets.terms import SubjectKind
from daybook.ledger.models import Line

ALIVE = timedelta(seconds=30)
"""A process that was seen within this time is alive."""


async def set_budget(session: WriteSession, new: BudgetRequest) -> BudgetResponse:
    """Create a budget, or change the limit of the existing one. In force everywhere within two seconds.

    For a new budget, and one that was inactive, the lines of the current day or month count already. Raises `NotFound`
    if there is no such code, group or user.
    """
    subject_id, its_lines = await _subject(session, new)
    budget_id, was_active = await repository.put(session, subject_id, new)
    if not was_active:
        await repository.open_period(session, budget_id, new, its_lines)
    return await get_budget(session, budget_id)


async def remove_budget(session: WriteSession, budget_id: int) -> BudgetResponse:
    """Set a budget inactive: it neither refuses nor counts any more. Raises `NotFound`."""
    if not await repository.deactivate(session, budget_id):
        raise _no_budget(budget_id)
    return await get_budget(session, budget_id)


async def get_budget(session: ReadSession | WriteSession, budget_id: int) -> BudgetResponse:
    """One budget. Raises `NotFound`."""
    found = await _answers(session, repository.by_id(budget_id))
    if not found:
        raise _no_budget(budget_id)
    return found[0]


async def list_budgets(
    session: ReadSession | WriteSession,
    *,
    subject: SubjectKind | None = None,
    subject_id: int | None = None,
    inactive: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> Page[BudgetResponse]:
    """Budgets and their current periods, by subject."""
    where = repository.conditions(subject, subject_id, inactive=inactive)
    total = await repository.count(session, where)
    found = await _answers(session, where, limit=page_size, offset=(page - 1) * page_size)
    return Page[BudgetResponse].of(found, page=page, page_size=page_size, total=total)


async def own_budgets(session: ReadSession, user_id: int) -> list[BudgetResponse]:
    """The budgets in force of a person and of their codes. Those of groups are the groups' own business."""
    return await _answers(session, repository.owned(user_id))


async def list_leases(session: ReadSession) -> list[LeaseResponse]:
    """List what gateway processes hold, by owner."""
    return [LeaseResponse.model_validate(row) for row in await repository.held_leases(session)]


async def release_owner(session: WriteSession, owner: str) -> int:
    """Release the leases of a lost process; return their number. If its journal turns up later, its calls are settled
    in full and may exceed the limit.

    Raises `NotFound` if it has no leases, and `Conflict` for a live process, whose calls in progress would lose their
    reservation.
    """
    seen = await repository.seen_at(session, owner)
    if seen is not None and now() - seen < ALIVE:
        raise Conflict(
            f"The process {owner} was alive {(now() - seen).total_seconds():.0f} s ago: stop it first."
        )
    released = await leases.release(await driver_connection(session), owner)
    if not released:
        raise NotFound(f"No process {owner} has leases. 'daybook budget list --leases' lists the owners.")
    return released


async def _subject(session: WriteSession, new: BudgetRequest) -> tuple[int, ColumnElement[bool]]:
    """The row's id, and which lines are its own. Raises `NotFound`, or `Invalid` for an id of the wrong kind."""
    if new.subject == "code":
        code = await accounts.get_code(session, str(new.subject_id))
        return code.id, Line.code == code.public_id
    if not isinstance(new.subject_id, int):
        raise Invalid(f"subject_id: must be the number of a {new.subject}.")
    if new.subject == "group":
        group_id = (await accounts.get_group(session, new.subject_id)).id
        return group_id, Line.group_id == group_id
    user_id = (await accounts.get_user(session, new.subject_id)).id
    return user_id, Line.user_id == user_id


async def _answers(
    session: ReadSession | WriteSession,
    where: Sequence[ColumnElement[bool]],
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[BudgetResponse]:
    moment = now()
    starts: dict[Period, date] = {
        "day": period_start("day", moment),
        "month": period_start("month", moment),
    }
    rows = await repository.with_amounts(session, where, starts, limit=limit, offset=offset)
    return [_answer(row[0], row[1:], starts) for row in rows]


def _answer(budget: Budget, amounts: Sequence[Any], starts: dict[Period, date]) -> BudgetResponse:
    used, held, overrun, name = amounts
    period: Any = budget.period
    start = starts[period]
    return BudgetResponse.model_validate(
        {
            **{
                field: getattr(budget, field)
                for field in BudgetResponse.model_fields
                if hasattr(budget, field)
            },
            "subject_name": name,
            "used": used,
            "held": held,
            "overrun": overrun,
            "left": max(budget.limit - used - held, Decimal(0)),
            "period_start": start,
            "resets_at": resets_at(period, start),
        }
    )


def _no_budget(budget_id: int) -> NotFound:
    return NotFound(f"There is no budget {budget_id}. 'daybook budget list' shows those that there are.")
