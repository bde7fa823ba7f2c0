"""Budgets as administrators set them and look at them."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, column, exists, func, literal, or_, select, table, update
from sqlalchemy.dialects.postgresql import insert

from daybook.accounts import service as accounts
from daybook.db.engine import ReadSession, WriteSession, driver_connection
from daybook.kit.clock import now
from daybook.kit.errors import Conflict, Invalid, NotFound
from daybook.kit.pagination import Page
from daybook.ledger.budgets import leases
from daybook.ledger.budgets.models import Budget, BudgetLease, BudgetOwner, BudgetPeriod, BudgetSettlement
from daybook.ledger.budgets.periods import Period, period_start, resets_at, starts_at
from daybook.ledger.budgets.schemas import BudgetRequest, BudgetResponse, LeaseResponse
from daybook.ledger.budgets.terms import SubjectKind
from daybook.ledger.models import Line

ALIVE = timedelta(seconds=30)
"""A process that was seen within this time is alive."""

_CODES = table("activation_codes", column("id"), column("public_id"), column("user_id"))
_GROUPS = table("groups", column("id"), column("name"))
_USERS = table("users", column("id"), column("account"))


async def set_budget(session: WriteSession, new: BudgetRequest) -> BudgetResponse:
    """Create a budget, or change the limit of the existing one. In force everywhere within two seconds.

    For a new budget, and one that was inactive, the lines of the current day or month count already. Raises `NotFound`
    if there is no such code, group or user.
    """
    subject_id, its_lines = await _subject(session, new)
    key = {
        "subject": new.subject,
        "subject_id": subject_id,
        "period": new.period,
        "unit": new.unit,
        "hard": new.hard,
    }
    was = await session.scalar(select(Budget).filter_by(**key).with_for_update())
    changed = insert(Budget).values(limit=new.limit, **key)
    budget_id = await session.scalar(
        changed.on_conflict_do_update(
            index_elements=list(key), set_={"limit": new.limit, "active": True, "updated_at": func.now()}
        ).returning(Budget.id)
    )
    assert budget_id is not None  # noqa: S101  (RETURNING of one row)
    if was is None or not was.active:
        await _open(session, budget_id, new, its_lines)
    return await get_budget(session, budget_id)


async def remove_budget(session: WriteSession, budget_id: int) -> BudgetResponse:
    """Set a budget inactive: it neither refuses nor counts any more. Raises `NotFound`."""
    removed = await session.scalar(
        update(Budget)
        .where(Budget.id == budget_id)
        .values(active=False, updated_at=func.now())
        .returning(Budget.id)
        .execution_options(synchronize_session=False)
    )
    if removed is None:
        raise _no_budget(budget_id)
    return await get_budget(session, budget_id)


async def get_budget(session: ReadSession | WriteSession, budget_id: int) -> BudgetResponse:
    """One budget. Raises `NotFound`."""
    found = await _answers(session, [Budget.id == budget_id])
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
    where: list[ColumnElement[bool]] = []
    if not inactive:
        where.append(Budget.active.is_(True))
    if subject is not None:
        where.append(Budget.subject == subject)
    if subject_id is not None:
        where.append(Budget.subject_id == subject_id)
    total = await session.scalar(select(func.count()).select_from(Budget).where(*where))
    found = await _answers(session, where, limit=page_size, offset=(page - 1) * page_size)
    return Page[BudgetResponse].of(found, page=page, page_size=page_size, total=total or 0)


async def own_budgets(session: ReadSession, user_id: int) -> list[BudgetResponse]:
    """The budgets in force of a person and of their codes. Those of groups are the groups' own business."""
    codes = select(_CODES.c.id).where(_CODES.c.user_id == user_id)
    whose = or_(
        and_(Budget.subject == "user", Budget.subject_id == user_id),
        and_(Budget.subject == "code", Budget.subject_id.in_(codes)),
    )
    return await _answers(session, [Budget.active.is_(True), whose])


async def list_leases(session: ReadSession) -> list[LeaseResponse]:
    """List what gateway processes hold, by owner."""
    held = BudgetLease.granted - BudgetLease.settled
    rows = await session.execute(
        select(
            BudgetLease.owner,
            BudgetLease.budget_id,
            BudgetLease.period_start,
            held.label("held"),
            BudgetLease.created_at.label("leased_at"),
            BudgetOwner.seen_at,
        )
        .outerjoin(BudgetOwner, BudgetOwner.owner == BudgetLease.owner)
        .where(held > 0)
        .order_by(BudgetLease.owner, BudgetLease.budget_id, BudgetLease.period_start)
    )
    return [LeaseResponse.model_validate(row) for row in rows.mappings()]


async def release_owner(session: WriteSession, owner: str) -> int:
    """Release the leases of a lost process; return their number. If its journal turns up later, its calls are settled
    in full and may exceed the limit.

    Raises `NotFound` if it has no leases, and `Conflict` for a live process, whose calls in progress would lose their
    reservation.
    """
    seen = await session.scalar(select(BudgetOwner.seen_at).where(BudgetOwner.owner == owner))
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


async def _open(
    session: WriteSession, budget_id: int, new: BudgetRequest, its_lines: ColumnElement[bool]
) -> None:
    """Count the usage of the current period before this budget. The library's own lines passed no gateway and do not
    count.
    """
    start = period_start(new.period, now())
    await session.execute(
        insert(BudgetPeriod).values(budget_id=budget_id, period_start=start).on_conflict_do_nothing()
    )
    here = and_(BudgetPeriod.budget_id == budget_id, BudgetPeriod.period_start == start)
    period = (
        await session.execute(select(BudgetPeriod.opening, BudgetPeriod.used).where(here).with_for_update())
    ).one()
    taken = func.sum(Line.total_tokens if new.unit == "tokens" else Line.cost)
    settled = exists().where(BudgetSettlement.call_id == Line.id, BudgetSettlement.budget_id == budget_id)
    before = await session.scalar(
        select(func.coalesce(taken, 0)).where(
            Line.created_at >= starts_at(start),
            Line.created_at < resets_at(new.period, start),
            Line.source != "library",
            its_lines,
            ~settled,
        )
    )
    before = Decimal(before or 0)
    await session.execute(
        update(BudgetPeriod)
        .where(here)
        .values(opening=before, used=period.used - period.opening + before)
        .execution_options(synchronize_session=False)
    )


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
    rows = await session.execute(
        select(
            Budget,
            func.coalesce(BudgetPeriod.used, 0),
            func.coalesce(BudgetPeriod.held, 0),
            func.coalesce(BudgetPeriod.overrun, 0),
            func.coalesce(_CODES.c.public_id, _GROUPS.c.name, _USERS.c.account, ""),
        )
        .outerjoin(
            BudgetPeriod,
            and_(
                BudgetPeriod.budget_id == Budget.id,
                BudgetPeriod.period_start
                == case((Budget.period == "day", literal(starts["day"])), else_=literal(starts["month"])),
            ),
        )
        .outerjoin(_CODES, and_(Budget.subject == "code", _CODES.c.id == Budget.subject_id))
        .outerjoin(_GROUPS, and_(Budget.subject == "group", _GROUPS.c.id == Budget.subject_id))
        .outerjoin(_USERS, and_(Budget.subject == "user", _USERS.c.id == Budget.subject_id))
        .where(*where)
        .order_by(Budget.subject, Budget.subject_id, Budget.period, Budget.unit, Budget.hard)
        .limit(limit)
        .offset(offset)
        .execution_options(populate_existing=True)
    )
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
