"""Budgets, for administrators."""

from fastapi import APIRouter

from daybook.accounts.access import Administrator
from daybook.db.dependencies import Reading, Writing
from daybook.kit.ids import RowId
from daybook.kit.pages import Page, PageNumber, PageSize
from daybook.ledger.budgets import service
from daybook.ledger.budgets.schemas import BudgetAnswer, BudgetNew, LeaseAnswer, Owner, Released
from daybook.ledger.budgets.terms import SubjectKind

router = APIRouter(prefix="/api/v1/admin", tags=["budgets"])


@router.get("/budgets")
async def list_budgets(
    _: Administrator,
    session: Reading,
    subject: SubjectKind | None = None,
    subject_id: RowId | None = None,
    inactive: bool = False,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[BudgetAnswer]:
    """Budgets: limit, used, held, and when each resets. `inactive` for those that were removed, too."""
    return await service.list_budgets(
        session, subject=subject, subject_id=subject_id, inactive=inactive, page=page, page_size=page_size
    )


@router.put("/budgets")
async def set_budget(_: Administrator, session: Writing, budget: BudgetNew) -> BudgetAnswer:
    """Make a budget, or change the limit of the one of that subject, period, unit and kind."""
    return await service.set_budget(session, budget)


@router.get("/budgets/{budget_id}")
async def get_budget(_: Administrator, session: Reading, budget_id: RowId) -> BudgetAnswer:
    """One budget."""
    return await service.get_budget(session, budget_id)


@router.delete("/budgets/{budget_id}")
async def remove_budget(_: Administrator, session: Writing, budget_id: RowId) -> BudgetAnswer:
    """Take a budget out of force. What was used stays known."""
    return await service.remove_budget(session, budget_id)


@router.get("/budget-leases")
async def list_leases(_: Administrator, session: Reading) -> list[LeaseAnswer]:
    """What gateway processes hold of which budget."""
    return await service.list_leases(session)


@router.delete("/budget-leases/{owner}")
async def release_leases(_: Administrator, session: Writing, owner: Owner) -> Released:
    """Release what a process of a lost host holds. One that is alive is a conflict."""
    return Released(released=await service.release_owner(session, owner))
