"""`daybook usage`: tokens and cost of model calls."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daybook.cli.names import user_id_of
from daybook.cli.options import From, Json, To
from daybook.cli.output import print_fields, print_json, print_table
from daybook.cli.work import read

if TYPE_CHECKING:
    from daybook.db.engine import ReadSession
    from daybook.ledger.schemas import Totals


class By(StrEnum):
    """Groupings of the sums."""

    DAY = "day"
    MODEL = "model"
    HOUR = "hour"
    MONTH = "month"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("usage")(usage)


def usage(
    start: From = None,
    end: To = None,
    user: Annotated[str | None, typer.Option("--user", help="Only this user's calls: account or id.")] = None,
    by: Annotated[By | None, typer.Option("--by", help="One row per day, model, hour or month.")] = None,
    as_json: Json = False,
) -> None:
    """Show the tokens and the cost of model calls.

    In total, or by day, model, hour or month (UTC).
    """
    rows = read(lambda session: _rows(session, start, end, user, by))
    if as_json:
        print_json(rows if by else rows[0])
    elif by is None:
        print_fields(_fields(rows[0]))
    else:
        print_table(
            [str(by.value), "calls", "failed", "prompt", "cached", "completion", "reasoning", "total", "USD"],
            [_row(row) for row in rows],
            empty="No calls.",
        )


async def _rows(
    session: "ReadSession", start: str | None, end: str | None, user: str | None, by: By | None
) -> "Sequence[Totals]":
    from daybook.ledger import service  # noqa: PLC0415  (see the package's docstring)

    dates = service.date_range(start, end, names=("--from", "--to"))
    user_id = None if user is None else await user_id_of(session, user)
    match by:
        case None:
            return [await service.summary(session, dates, user_id=user_id)]
        case By.MODEL:
            return await service.by_model(session, dates, user_id=user_id)
        case By.DAY:
            return await service.by_day(session, dates, user_id=user_id)
        case By.HOUR | By.MONTH:
            return await service.time_series(session, dates, granularity=by.value, user_id=user_id)


def _row(totals: "Totals") -> list[Any]:
    first = next(iter(totals.model_dump(include={"model", "date", "bucket"}).values()))
    return [
        first,
        totals.total_calls,
        totals.failed_calls,
        totals.total_prompt_tokens,
        totals.total_cached_tokens,
        totals.total_completion_tokens,
        totals.total_reasoning_tokens,
        totals.total_tokens,
        totals.cost,
    ]


def _fields(totals: "Totals") -> list[tuple[str, Any]]:
    cost = "unknown" if totals.cost is None else f"{totals.model_dump(mode='json')['cost']} USD"
    if totals.cost is not None and totals.unpriced_calls:
        cost += f" (the price of {totals.unpriced_calls:,} calls is unknown)"
    return [
        ("calls", f"{totals.total_calls:,} ({totals.failed_calls:,} failed)"),
        ("prompt tokens", f"{totals.total_prompt_tokens:,} ({totals.total_cached_tokens:,} cached)"),
        (
            "completion tokens",
            f"{totals.total_completion_tokens:,} ({totals.total_reasoning_tokens:,} reasoning)",
        ),
        ("total tokens", totals.total_tokens),
        ("cost", cost),
    ]
