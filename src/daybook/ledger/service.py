"""Reading the ledger: sums over its lines, the lines themselves, and the content of gateway calls.

Sums are read from rollups (`rollups/statistics.py`) and have the library's own shapes.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts import service as accounts
from daybook.db.engine import Database, ReadSession
from daybook.kit.errors import Invalid, NotFound
from daybook.kit.pagination import Page
from daybook.ledger import repository
from daybook.ledger.models import CallLog, Line
from daybook.ledger.rollups import statistics
from daybook.ledger.rollups.latency import percentiles
from daybook.ledger.rollups.parts import Wanted
from daybook.ledger.rollups.statistics import EVERYTHING
from daybook.ledger.schemas import (
    BucketFigures,
    BucketTotals,
    CallDetailResponse,
    CallFilter,
    CallResponse,
    DayTotals,
    Figures,
    GroupFigures,
    Latency,
    LineResponse,
    ModelFigures,
    ModelTotals,
    SourceFigures,
    SourceTotals,
    TokenStatsResponse,
    Totals,
)
from llm_tracker import queries
from llm_tracker.arguments import DateRange, Granularity, parse_range
from llm_tracker.errors import InvalidArgumentError

Answer = TypeVar("Answer", bound=BaseModel)
ALWAYS = DateRange()


@asynccontextmanager
async def snapshot(database: Database) -> AsyncGenerator[ReadSession]:
    """Open a session whose statements all see the same moment, so that sums side by side agree."""
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield ReadSession(session)


def date_range(
    start: str | None,
    end: str | None,
    *,
    names: tuple[str, str] = ("start_date", "end_date"),
    timezone: str = "UTC",
) -> DateRange:
    """The moments that two dates or times (ISO 8601) mean; an end given as a date includes that day.

    Raises `Invalid` that speaks of the parameters by `names`.
    """
    try:
        return parse_range(_with_plus(start), _with_plus(end), timezone)
    except InvalidArgumentError as error:
        message = str(error).replace("start_date", names[0]).replace("end_date", names[1])
        raise Invalid(f"{message}.", code="bad_dates") from None


async def overview(
    session: ReadSession,
    dates: DateRange = ALWAYS,
    *,
    granularity: Granularity = "day",
    wanted: Wanted = EVERYTHING,
) -> TokenStatsResponse:
    """The sums of all lines that are wanted, by model, group and source, and of each hour, day or month (UTC)."""
    found = await statistics.overview(session, dates, granularity, wanted)
    group_ids = [int(row["name"]) for row in found.by_group if row["name"]]
    names = await accounts.group_names(session, group_ids)
    return TokenStatsResponse(
        granularity=granularity,
        summary=Figures(**_figures(found.summary)),
        by_model=[ModelFigures(model=row["name"], **_figures(row)) for row in found.by_model],
        by_group=[_group_figures(row, names) for row in found.by_group],
        by_source=[SourceFigures(source=row["name"], **_figures(row)) for row in found.by_source],
        series=[
            BucketFigures(bucket=queries.bucket_row(row, granularity)["bucket"], **_figures(row))
            for row in found.series
        ],
    )


def _group_figures(row: RowMapping, names: Mapping[int, str]) -> GroupFigures:
    group_id = int(row["name"]) if row["name"] else None
    name = None if group_id is None else names.get(group_id)
    return GroupFigures(group_id=group_id, group_name=name, **_figures(row))


def _figures(row: RowMapping) -> dict[str, Any]:
    latency = percentiles([int(count) for count in row["durations"]])
    return {
        **queries.summary_row(row),
        "estimated_calls": int(row["estimated_calls"]),
        "latency_ms": None if latency is None else Latency.model_validate(latency),
    }


async def summary(session: ReadSession, dates: DateRange = ALWAYS, *, user_id: int | None = None) -> Totals:
    """The sums of all lines."""
    row = await statistics.summary(session, dates, user_id)
    return Totals.model_validate(queries.summary_row(row))


async def by_model(
    session: ReadSession, dates: DateRange = ALWAYS, *, user_id: int | None = None
) -> list[ModelTotals]:
    """The sums of each model, most tokens first."""
    rows = await statistics.by_model(session, dates, user_id)
    return [ModelTotals.model_validate(queries.model_row(row)) for row in rows]


async def by_source(
    session: ReadSession, dates: DateRange = ALWAYS, *, user_id: int | None = None
) -> list[SourceTotals]:
    """The sums of each source, most tokens first."""
    rows = await statistics.by_source(session, dates, user_id)
    return [SourceTotals(source=row["source"], **queries.summary_row(row)) for row in rows]


async def by_day(
    session: ReadSession, dates: DateRange = ALWAYS, *, user_id: int | None = None, timezone: str = "UTC"
) -> list[DayTotals]:
    """The sums of each day that has lines, ascending; days are those of `timezone`."""
    rows = await statistics.by_day(session, dates, user_id, timezone)
    return [DayTotals.model_validate(queries.day_row(row, timezone)) for row in rows]


async def time_series(
    session: ReadSession,
    dates: DateRange = ALWAYS,
    *,
    granularity: Granularity = "day",
    user_id: int | None = None,
) -> list[BucketTotals]:
    """The sums of each hour, day or month (UTC) that has lines, ascending."""
    rows = await statistics.time_series(session, dates, user_id, granularity)
    return [BucketTotals.model_validate(queries.bucket_row(row, granularity)) for row in rows]


async def usage_page(
    session: ReadSession,
    dates: DateRange = ALWAYS,
    *,
    user_id: int | None = None,
    model: str | None = None,
    page: int = 1,
    page_size: int = 20,
) -> Page[LineResponse]:
    """Lines of the ledger, newest first."""
    rows, total = await repository.lines(
        session, dates, user_id=user_id, model=model, limit=page_size, offset=(page - 1) * page_size
    )
    lines = [_answer(LineResponse, row) for row in rows]
    return Page[LineResponse].of(lines, page=page, page_size=page_size, total=total)


async def call_page(
    session: ReadSession,
    wanted: CallFilter,
    dates: DateRange = ALWAYS,
    *,
    page: int = 1,
    page_size: int = 20,
) -> Page[CallResponse]:
    """Return gateway calls, newest first, without their content, which is large."""
    rows, total = await repository.calls(
        session, wanted, dates, limit=page_size, offset=(page - 1) * page_size
    )
    calls = [_answer(CallResponse, row) for row in rows]
    return Page[CallResponse].of(calls, page=page, page_size=page_size, total=total)


async def call(session: ReadSession, call_id: int | UUID) -> CallDetailResponse:
    """One gateway call, whole, by its number or by its call id (`x-daybook-call-id`). Raises `NotFound`."""
    number = await repository.number_of(session, call_id) if isinstance(call_id, UUID) else call_id
    found = [] if number is None else await exchanges(session, [number])
    if not found:
        raise NotFound(f"There is no call {call_id}. Calls are kept for as long as their month is.")
    return found[0]


async def exchanges(session: ReadSession, call_ids: Sequence[int]) -> list[CallDetailResponse]:
    """Return these gateway calls with content, in the given order; missing ones are left out."""
    logs, lines = await repository.logs_and_lines(session, call_ids)
    return [_exchange(logs[call_id], lines) for call_id in call_ids if call_id in logs]


async def costs_of_lines(
    session: ReadSession, line_ids: Sequence[UUID]
) -> dict[UUID, tuple[int, Decimal | None]]:
    """Return the tokens and the cost of those of these lines that are in the ledger."""
    return await repository.costs(session, line_ids)


def _exchange(log: CallLog, lines: dict[UUID, Line]) -> CallDetailResponse:
    line = lines.get(log.usage_id) if log.usage_id is not None else None
    values = {name: getattr(log, name) for name in CallDetailResponse.model_fields if name != "line"}
    return CallDetailResponse(**values, line=None if line is None else _answer(LineResponse, line))


def _answer(schema: type[Answer], row: Any) -> Answer:
    return schema.model_validate(row, from_attributes=True)


def _with_plus(text: str | None) -> str | None:
    """A `+` that was not escaped in a query arrives as a space: `2026-01-31T08:00:00 02:00`."""
    return text.replace(" ", "+") if text is not None and "T" in text else text
