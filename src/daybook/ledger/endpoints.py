"""The ledger for administrators, and each person's own part of it."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from daybook.accounts.access import Administrator, CurrentUser
from daybook.db.dependencies import AppDatabase, Reading, Writing
from daybook.kit.ids import BigRowId, RowId
from daybook.kit.pagination import Page, PageNumber, PageSize
from daybook.ledger import prices, service
from daybook.ledger.rollups.parts import Wanted
from daybook.ledger.schemas import (
    CallDetailResponse,
    CallFilter,
    CallResponse,
    Label,
    LineResponse,
    OwnUsageResponse,
    PriceRequest,
    PriceResponse,
    TokenStatsResponse,
)

admin = APIRouter(prefix="/api/v1/admin", tags=["the ledger"])
own = APIRouter(prefix="/api/v1/me", tags=["me"])
router = APIRouter()

Moment = Annotated[
    str | None,
    Query(
        max_length=64,
        description="A date or a time (ISO 8601, else UTC). An end given as a date includes that day.",
    ),
]


def _wanted(
    user_id: RowId | None = None,
    model: Annotated[Label | None, Query()] = None,
    group_id: RowId | None = None,
    source: Annotated[Label | None, Query(description="The source of the calls: gateway, diary, …")] = None,
) -> Wanted:
    return Wanted(user_id=user_id, model=model, group_id=group_id, source=source)


@admin.get("/token-stats")
async def token_stats(
    _: Administrator,
    session: Reading,
    wanted: Annotated[Wanted, Depends(_wanted)],
    start_date: Moment = None,
    end_date: Moment = None,
    granularity: Literal["hour", "day", "month"] = "day",
) -> TokenStatsResponse:
    """Return cost and latency of model calls: in total, by model, group and source, and over time (UTC)."""
    dates = service.date_range(start_date, end_date)
    return await service.overview(session, dates, granularity=granularity, wanted=wanted)


@admin.get("/llm-usage")
async def llm_usage(
    _: Administrator,
    session: Reading,
    start_date: Moment = None,
    end_date: Moment = None,
    user_id: RowId | None = None,
    model: Annotated[Label | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 20,
) -> Page[LineResponse]:
    """Lines of the ledger, newest first."""
    dates = service.date_range(start_date, end_date)
    return await service.usage_page(
        session, dates, user_id=user_id, model=model, page=page, page_size=page_size
    )


def _call_filter(
    config_id: RowId | None = None,
    template_id: RowId | None = None,
    group_id: RowId | None = None,
    activation_code: Annotated[Label | None, Query(description="The code's public id.")] = None,
    status: Literal["success", "error"] | None = None,
    model: Annotated[Label | None, Query()] = None,
) -> CallFilter:
    return CallFilter(
        config_id=config_id,
        template_id=template_id,
        group_id=group_id,
        activation_code=activation_code,
        status=status,
        model=model,
    )


@admin.get("/llm/call-logs")
async def call_logs(
    _: Administrator,
    session: Reading,
    wanted: Annotated[CallFilter, Depends(_call_filter)],
    start_date: Moment = None,
    end_date: Moment = None,
    page: PageNumber = 1,
    page_size: PageSize = 20,
) -> Page[CallResponse]:
    """List gateway calls, newest first, without their content."""
    dates = service.date_range(start_date, end_date)
    return await service.call_page(session, wanted, dates, page=page, page_size=page_size)


@admin.get("/llm/call-logs/{call_id}")
async def call_log(call_id: BigRowId | UUID, _: Administrator, session: Reading) -> CallDetailResponse:
    """Return a gateway call with its content and its line, by its number or its call id (`x-daybook-call-id`)."""
    return await service.call(session, call_id)


@admin.get("/prices")
async def list_prices(_: Administrator, session: Reading) -> list[PriceResponse]:
    """The prices that administrators set; all other models have the public ones."""
    return await prices.list_prices(session)


@admin.put("/prices")
async def set_price(body: PriceRequest, _: Administrator, session: Writing) -> PriceResponse:
    """Set a model's price from now on. Lines in the ledger keep their cost."""
    return await prices.set_price(session, body)


@own.get("/usage")
async def own_usage(
    user: CurrentUser, database: AppDatabase, start_date: Moment = None, end_date: Moment = None
) -> OwnUsageResponse:
    """Return the cost of your calls. Dates and days are those of your timezone."""
    dates = service.date_range(start_date, end_date, timezone=user.timezone)
    async with service.snapshot(database) as session:
        return OwnUsageResponse(
            timezone=user.timezone,
            summary=await service.summary(session, dates, user_id=user.id),
            by_model=await service.by_model(session, dates, user_id=user.id),
            by_source=await service.by_source(session, dates, user_id=user.id),
            by_day=await service.by_day(session, dates, user_id=user.id, timezone=user.timezone),
        )


router.include_router(admin)
router.include_router(own)
