"""Statements on the ledger, without a connection, and the shapes of their results.

An application runs the same statements in its own session, on its own mapping of the table:

    where = conditions(Usage, parse_range("2026-01-01", "2026-01-31"), user_id=7)
    rows = (await session.execute(by_model_query(Usage, *where))).mappings()
    answer = [model_row(row) for row in rows]

On SQLite a connection must have `llm_tracker.sqlite_functions.register_sqlite_functions`.

Every result except the list has the same measures: `total_calls, successful_calls, failed_calls`, the sums
`total_prompt_tokens, total_completion_tokens, total_tokens, total_cached_tokens, total_reasoning_tokens`
(int), `cost` (Decimal; None if there are calls and none has a price) and `unpriced_calls`, the number of calls
without a price, which `cost` does not include.
"""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, RowMapping, Select, func, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from llm_tracker.arguments import DateRange, Granularity, parse_range
from llm_tracker.models import ExactDecimal, UsageColumns, UTCDateTime

__all__ = [
    "DateRange",
    "bucket_row",
    "by_day_query",
    "by_model_query",
    "conditions",
    "count_query",
    "day_row",
    "model_row",
    "parse_range",
    "summary_query",
    "summary_row",
    "time_series_query",
    "usage_list_query",
    "usage_row",
]

Entity = type[UsageColumns]
Statement = Select[*tuple[Any, ...]]
_LIST_COLUMNS = (
    "id",
    "user_id",
    "model",
    "provider",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost",
    "success",
    "error",
    "is_estimated",
    "meta",
    "created_at",
)


class exact_sum(FunctionElement[Decimal]):  # noqa: N801  # SQL functions have lower-case names
    """SUM of money, exact in every database."""

    type = ExactDecimal()
    inherit_cache = True


class start_of(FunctionElement[Any]):  # noqa: N801  # SQL functions have lower-case names
    """The start of the hour, day or month of `created_at`: (granularity, moment, timezone)."""

    type = UTCDateTime()
    inherit_cache = True


def conditions(
    entity: Entity,
    dates: DateRange | None = None,
    *,
    user_id: int | None = None,
    model: str | None = None,
    success: bool | None = None,
) -> list[ColumnElement[bool]]:
    """Return the conditions of a statement; None adds none."""
    where: list[ColumnElement[bool]] = []
    if dates is not None and dates.start is not None:
        where.append(entity.created_at >= dates.start)
    if dates is not None and dates.end is not None:
        where.append(entity.created_at < dates.end)
    if user_id is not None:
        where.append(entity.user_id == user_id)
    if model is not None:
        where.append(entity.model == model)
    if success is not None:
        where.append(entity.success.is_(success))
    return where


def summary_query(entity: Entity, *where: ColumnElement[bool]) -> Statement:
    """Select one row: the measures of all calls."""
    return select(*_measures(entity)).where(*where)


def by_model_query(entity: Entity, *where: ColumnElement[bool]) -> Statement:
    """Select one row per model, most tokens first."""
    measures = _measures(entity)
    return (
        select(entity.model.label("model"), *measures)
        .where(*where)
        .group_by(entity.model)
        .order_by(_total_tokens(entity).desc(), entity.model)
    )


def by_day_query(entity: Entity, *where: ColumnElement[bool], timezone: str = "UTC") -> Statement:
    """Select one row per day with calls, ascending."""
    return time_series_query(entity, *where, granularity="day", timezone=timezone)


def time_series_query(
    entity: Entity,
    *where: ColumnElement[bool],
    granularity: Granularity = "day",
    timezone: str = "UTC",
) -> Statement:
    """Select one row per hour, day or month with calls, ascending. `bucket` is its start."""
    bucket = start_of(literal(granularity), entity.created_at, literal(timezone)).label("bucket")
    return select(bucket, *_measures(entity)).where(*where).group_by("bucket").order_by("bucket")


def usage_list_query(
    entity: Entity, *where: ColumnElement[bool], page: int = 1, page_size: int = 20
) -> Statement:
    """Select the rows of one page, newest first."""
    columns = [getattr(entity, name).label("metadata" if name == "meta" else name) for name in _LIST_COLUMNS]
    return (
        select(*columns)
        .where(*where)
        .order_by(entity.created_at.desc(), entity.id.desc())
        .limit(page_size)
        .offset((page - 1) * page_size)
    )


def count_query(entity: Entity, *where: ColumnElement[bool]) -> Select[int]:
    """Count the rows of all pages."""
    return select(func.count().label("total")).select_from(entity).where(*where)


def summary_row(row: RowMapping) -> dict[str, Any]:
    """Return the measures of a row of any statement above."""
    calls, unpriced = int(row["total_calls"]), int(row["unpriced_calls"])
    cost = row["cost"]
    return {
        "total_calls": calls,
        "successful_calls": int(row["successful_calls"]),
        "failed_calls": calls - int(row["successful_calls"]),
        **{name: int(row[name]) for name in _SUMS},
        "cost": Decimal(0) if cost is None and not calls else cost,
        "unpriced_calls": unpriced,
    }


def model_row(row: RowMapping) -> dict[str, Any]:
    """Return `model` and its measures."""
    return {"model": row["model"], **summary_row(row)}


def day_row(row: RowMapping, timezone: str = "UTC") -> dict[str, Any]:
    """Return `date` (ISO, such as 2026-01-31) and its measures."""
    return {"date": _bucket(row, "day", timezone), **summary_row(row)}


def bucket_row(row: RowMapping, granularity: Granularity = "day", timezone: str = "UTC") -> dict[str, Any]:
    """Return `bucket` and its measures.

    A bucket is named by its start: 2026-01-31 for a day, 2026-01-01 for a month, and for an hour
    2026-01-31T08:00:00+00:00.
    """
    return {"bucket": _bucket(row, granularity, timezone), **summary_row(row)}


def usage_row(row: RowMapping) -> dict[str, Any]:
    """Return the library's columns of one call; `created_at` is aware UTC, `cost` Decimal or None."""
    return dict(row)


_SUMS = {
    "total_prompt_tokens": "prompt_tokens",
    "total_completion_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
    "total_cached_tokens": "cached_tokens",
    "total_reasoning_tokens": "reasoning_tokens",
}


def _measures(entity: Entity) -> list[ColumnElement[Any]]:
    sums = [func.coalesce(func.sum(getattr(entity, column)), 0).label(name) for name, column in _SUMS.items()]
    return [
        func.count().label("total_calls"),
        func.count().filter(entity.success).label("successful_calls"),
        *sums,
        exact_sum(entity.cost).label("cost"),
        (func.count() - func.count(entity.cost)).label("unpriced_calls"),
    ]


def _total_tokens(entity: Entity) -> ColumnElement[Any]:
    return func.sum(entity.total_tokens)


def _bucket(row: RowMapping, granularity: Granularity, timezone: str) -> str:
    start = row["bucket"].astimezone(ZoneInfo(timezone))
    return start.isoformat(timespec="seconds") if granularity == "hour" else start.date().isoformat()


@compiles(exact_sum)
def _sum(element: exact_sum, compiler: Any, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"


@compiles(exact_sum, "sqlite")
def _sum_sqlite(element: exact_sum, compiler: Any, **options: Any) -> str:
    return f"llm_tracker_sum({compiler.process(element.clauses, **options)})"


@compiles(start_of)
def _start_of(element: start_of, compiler: Any, **options: Any) -> str:
    return f"date_trunc({compiler.process(element.clauses, **options)})"


@compiles(start_of, "sqlite")
def _start_of_sqlite(element: start_of, compiler: Any, **options: Any) -> str:
    return f"llm_tracker_bucket({compiler.process(element.clauses, **options)})"
