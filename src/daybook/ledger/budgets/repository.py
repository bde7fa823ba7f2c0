"""Queries over budgets as administrators see them. Leases and settlements have their own: `leases`, `settling`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, column, exists, func, literal, or_, select, table, update
from sqlalchemy.dialects.postgresql import insert

from daybook.db.engine import ReadSession, WriteSession
from daybook.kit.clock import now
from daybook.ledger.budgets.models import Budget, BudgetLease, BudgetOwner, BudgetPeriod, BudgetSettlement
from daybook.ledger.budgets.periods import Period, period_start, resets_at, starts_at
from daybook.ledger.budgets.schemas import BudgetRequest
from daybook.ledger.budgets.terms import SubjectKind
from daybook.ledger.models import Line

Session = ReadSession | WriteSession

_CODES = table("activation_codes", column("id"), column("public_id"), column("user_id"))
_GROUPS = table("groups", column("id"), column("name"))
_USERS = table("users", column("id"), column("account"))


async def put(session: WriteSession, subject_id: int, new: BudgetRequest) -> tuple[int, bool]:
    """Insert a budget, or set its limit and activate it. Returns its id, and True if it was active."""
    key = {
        "subject": new.subject,
        "subject_id": subject_id,
        "period": new.period,
        "unit": new.unit,
        "hard": new.hard,
    }
    was = await session.scalar(select(Budget).filter_by(**key).with_for_update())
    changed = insert(Budget).values(limit=new.limit, **key)
    written = await session.execute(
        changed.on_conflict_do_update(
            index_elements=list(key), set_={"limit": new.limit, "active": True, "updated_at": func.now()}
        ).returning(Budget.id)
    )
    return written.scalar_one(), was is not None and was.active


async def deactivate(session: WriteSession, budget_id: int) -> bool:
    """Set a budget inactive; False if there is none."""
    removed = await session.scalar(
        update(Budget)
        .where(Budget.id == budget_id)
        .values(active=False, updated_at=func.now())
        .returning(Budget.id)
        .execution_options(synchronize_session=False)
    )
    return removed is not None


def conditions(
    subject: SubjectKind | None, subject_id: int | None, *, inactive: bool
) -> list[ColumnElement[bool]]:
    """Return the conditions of a list of budgets."""
    where: list[ColumnElement[bool]] = [] if inactive else [Budget.active.is_(True)]
    if subject is not None:
        where.append(Budget.subject == subject)
    if subject_id is not None:
        where.append(Budget.subject_id == subject_id)
    return where


def by_id(budget_id: int) -> list[ColumnElement[bool]]:
    """Return the condition for one budget."""
    return [Budget.id == budget_id]


def owned(user_id: int) -> list[ColumnElement[bool]]:
    """Return the conditions for the active budgets of a user and of their codes."""
    codes = select(_CODES.c.id).where(_CODES.c.user_id == user_id)
    return [
        Budget.active.is_(True),
        or_(
            and_(Budget.subject == "user", Budget.subject_id == user_id),
            and_(Budget.subject == "code", Budget.subject_id.in_(codes)),
        ),
    ]


async def count(session: Session, where: Sequence[ColumnElement[bool]]) -> int:
    """Return the number of budgets."""
    return await session.scalar(select(func.count()).select_from(Budget).where(*where)) or 0


async def held_leases(session: Session) -> Sequence[Any]:
    """Return the leases with an unsettled amount, by owner."""
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
    return rows.mappings().all()


async def seen_at(session: Session, owner: str) -> datetime | None:
    """Return the last sign of life of a process."""
    return await session.scalar(select(BudgetOwner.seen_at).where(BudgetOwner.owner == owner))


async def open_period(
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


async def with_amounts(
    session: Session,
    where: Sequence[ColumnElement[bool]],
    starts: Mapping[Period, date],
    *,
    limit: int | None,
    offset: int,
) -> Sequence[Any]:
    """Return budgets with used, held and overrun of their current periods (`starts`) and the subject's name."""
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
    return rows.all()
