"""Sums over the ledger: in total, by model, by day, over time.

`start_date` and `end_date` are datetimes, dates or ISO strings; without an offset they are UTC, and an end
without a time includes that day. `user_id` filters by user. An invalid argument raises a ValueError that names
it. `llm_tracker.queries` describes the results. Days are those of `timezone` (UTC).
"""

from typing import Any

from llm_tracker import queries
from llm_tracker.arguments import parse_granularity, parse_range, parse_timezone, parse_user_id
from llm_tracker.models import LLMUsage
from llm_tracker.sinks import read


def get_summary_stats(start_date: Any = None, end_date: Any = None, user_id: Any = None) -> dict[str, Any]:
    """Return the sums of all calls."""
    where = _conditions(start_date, end_date, user_id)
    return queries.summary_row(read(queries.summary_query(LLMUsage, *where))[0])


def get_stats_by_model(
    start_date: Any = None, end_date: Any = None, user_id: Any = None
) -> list[dict[str, Any]]:
    """Return one dict per model, most tokens first."""
    where = _conditions(start_date, end_date, user_id)
    return [queries.model_row(row) for row in read(queries.by_model_query(LLMUsage, *where))]


def get_stats_by_day(
    start_date: Any = None, end_date: Any = None, user_id: Any = None, *, timezone: Any = "UTC"
) -> list[dict[str, Any]]:
    """Return one dict per day with calls, ascending; `date` is text such as 2026-01-31."""
    zone = parse_timezone(timezone).key
    where = _conditions(start_date, end_date, user_id, zone)
    statement = queries.by_day_query(LLMUsage, *where, timezone=zone)
    return [queries.day_row(row, zone) for row in read(statement)]


def get_time_series_stats(
    start_date: Any = None,
    end_date: Any = None,
    granularity: Any = "day",
    user_id: Any = None,
    *,
    timezone: Any = "UTC",
) -> list[dict[str, Any]]:
    """Return one dict per hour, day or month with calls, ascending; `bucket` is its start, in ISO 8601."""
    step, zone = parse_granularity(granularity), parse_timezone(timezone).key
    where = _conditions(start_date, end_date, user_id, zone)
    statement = queries.time_series_query(LLMUsage, *where, granularity=step, timezone=zone)
    return [queries.bucket_row(row, step, zone) for row in read(statement)]


def _conditions(start_date: Any, end_date: Any, user_id: Any, timezone: str = "UTC") -> list[Any]:
    dates = parse_range(start_date, end_date, timezone)
    return queries.conditions(LLMUsage, dates, user_id=parse_user_id(user_id))
