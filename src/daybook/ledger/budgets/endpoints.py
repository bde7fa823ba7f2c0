"""Budgets: for administrators, and each user's own."""

from fastapi import APIRouter

from daybook.accounts.access import Administrator, CurrentUser
from daybook.db.dependencies import Reading, Writing
from daybook.kit.ids import RowId
from daybook.kit.pagination import Page, PageNumber, PageSize
from daybook.ledger.budgets import service
from daybook.ledger.budgets.schemas import (
    BudgetRequest,
    BudgetResponse,
    LeaseResponse,
    Owner,
    ReleaseResponse,
)
from daybook.ledger.budgets.terms import SubjectKind

admin = APIRouter(prefix="/api/v1/admin", tags=["budgets"])
own = APIRouter(prefix="/api/v1/me", tags=["me"])
router = APIRouter()


@admin.get("/budgets")
async def list_budgets(
    _: Administrator,
    session: Reading,
    subject: SubjectKind | None = None,
    subject_id: RowId | None = None,
    inactive: bool = False,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[BudgetResponse]:
    """Budgets: limit, used, held, and when each resets. `inactive` for those that were removed, too."""
    return await service.list_budgets(
        session, subject=subject, subject_id=subject_id, inactive=inactive, page=page, page_size=page_size
    )


@admin.put("/budgets")
async def set_budget(body: BudgetRequest, _: Administrator, session: Writing) -> BudgetResponse:
    """Make a budget, or change the limit of the one of that subject, period, unit and kind."""
    return await service.set_budget(session, body)


@admin.get("/budgets/{budget_id}")
async def get_budget(budget_id: RowId, _: Administrator, session: Reading) -> BudgetResponse:
    """One budget."""
    return await service.get_budget(session, budget_id)


@admin.delete("/budgets/{budget_id}")
async def remove_budget(budget_id: RowId, _: Administrator, session: Writing) -> BudgetResponse:
    """Deactivate a budget. Its usage is kept."""
    return await service.remove_budget(session, budget_id)


@admin.get("/budget-leases")
async def list_leases(_: Administrator, session: Reading) -> list[LeaseResponse]:
    """List what gateway processes hold of each budget."""
    return await service.list_leases(session)


@admin.delete("/budget-leases/{owner}")
async def release_leases(owner: Owner, _: Administrator, session: Writing) -> ReleaseResponse:
    """Release the leases of a process of a lost host. A live process is a conflict."""
    return ReleaseResponse(released=await service.release_owner(session, owner))


@own.get("/budgets")
async def list_my_budgets(user: CurrentUser, session: Reading) -> list[BudgetResponse]:
    """List your own budgets and those of your codes: limit, used, held, left, and when each resets."""
    return await service.own_budgets(session, user.id)


router.include_router(admin)
router.include_router(own)
