"""`daybook calls prune`: drop old call logs."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import Json
from daybook.cli.output import print_json, print_table
from daybook.cli.work import work

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.ledger.retention import Pruning

_UNITS = {"d": 1, "w": 7}
_LONGEST = 36_500  # days


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("prune")(prune)


def prune(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Minimum age of the calls: 90d, 12w.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the months without dropping them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Drop the call logs of months that lie completely before AGE. The lines of the ledger stay."""
    cutoff = datetime.now(UTC) - _age(older_than)
    done = work(lambda database: _prune(database, cutoff, dry_run=dry_run))
    if as_json:
        print_json(done)
    else:
        print(f"Call logs of months that end before {done.cutoff:%Y-%m-%d %H:%M} UTC")
        print_table(
            ["month", "calls", "MB", ""],
            [
                [f"{month.month:%Y-%m}", month.rows, round(month.bytes / 1e6), str(month.fate)]
                for month in done.months
            ],
            empty="There are none.",
        )
    if any(month.fate.name == "IN_USE" for month in done.months):
        raise typer.Exit(1)


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([dw])", text.strip())
    days = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= days <= _LONGEST:
        raise typer.BadParameter("must be a number of days or weeks, such as 90d", param_hint="--older-than")
    return timedelta(days=days)


async def _prune(database: "Database", cutoff: datetime, *, dry_run: bool) -> "Pruning":
    from daybook.ledger.retention import prune  # noqa: PLC0415  (see the package's docstring)

    return await prune(database, cutoff, dry_run=dry_run)
