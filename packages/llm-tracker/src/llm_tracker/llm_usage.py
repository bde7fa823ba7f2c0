"""Pages of the ledger's lines."""

from typing import Any

from llm_tracker import queries
from llm_tracker.arguments import parse_page, parse_range, parse_user_id
from llm_tracker.errors import InvalidArgumentError
from llm_tracker.models import LLMUsage
from llm_tracker.sinks import read


def get_llm_usage_list(
    start_date: Any = None,
    end_date: Any = None,
    user_id: Any = None,
    page: Any = 1,
    page_size: Any = 20,
    *,
    model: Any = None,
    success: Any = None,
) -> dict[str, Any]:
    """Return `{list, page, page_size, total, has_more}`: the calls, newest first.

    Each item of `list` is a dict with the table's columns. Dates and `user_id` are as in
    `llm_tracker.llm_usage_stats`; `page` starts at 1, `page_size` is at most 10,000.
    """
    page, page_size = parse_page(page, page_size)
    if success is not None and not isinstance(success, bool):
        raise InvalidArgumentError("success must be True, False or None")
    if model is not None and not isinstance(model, str):
        raise InvalidArgumentError("model must be a name or None")
    dates = parse_range(start_date, end_date)
    where = queries.conditions(LLMUsage, dates, user_id=parse_user_id(user_id), model=model, success=success)
    statement = queries.usage_list_query(LLMUsage, *where, page=page, page_size=page_size)
    total = int(read(queries.count_query(LLMUsage, *where))[0]["total"])
    return {
        "list": [queries.usage_row(row) for row in read(statement)],
        "page": page,
        "page_size": page_size,
        "total": total,
        "has_more": page * page_size < total,
    }
