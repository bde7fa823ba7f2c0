"""`daybook ledger`: verify and repair the ledger's totals."""

import getpass
import os
from typing import TYPE_CHECKING, Any

import typer

from daybook.cli.options import Json
from daybook.cli.output import cell, print_json
from daybook.cli.work import work

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.ledger.verification.schemas import Repair, Verification

app = typer.Typer(help="Verify and repair the totals of the ledger.", no_args_is_help=True)


@app.command()
def verify(as_json: Json = False) -> None:
    """Compare every total with the lines of the ledger.

    Recomputes every total, counter, rollup and reservation from the lines and prints each difference. Also compares
    lines with call logs and checks each line's own sums. Exit code 1 if anything differs.
    """
    found = work(_verify)
    if as_json:
        print_json(_plain(found))
    else:
        _print(found)
    _exit(found)


@app.command()
def repair(as_json: Json = False) -> None:
    """Recompute every total from the lines of the ledger.

    Repairs totals, counters and rollups and prints each change. Lines and call logs never change. Exit code 1 if
    anything still differs.
    """
    done = work(_repair)
    if as_json:
        print_json({"counts": done.counts, "changes": done.changes, "afterwards": _plain(done.afterwards)})
    else:
        for change in done.changes:
            print(f"{change.what} ({_columns(change.key)}): {_row(change.before)} -> {_row(change.after)}")
        _print_more(done.counts, len(done.changes))
        print(f"Changed: {_counts(done.counts)}." if done.counts else "Nothing to repair.")
        _print(done.afterwards)
    _exit(done.afterwards)


def _print(found: "Verification") -> None:
    for difference in found.differences:
        print(
            f"{difference.what} ({_columns(difference.key)}): "
            f"{_row(difference.stored)}; should be {_row(difference.expected)}"
        )
    _print_more(found.counts, len(found.differences))
    checked = f"{found.lines:,} lines at {cell(found.at)} UTC, in {found.seconds:.1f} s"
    if found.waiting_lines:
        checked += f"; {found.waiting_lines:,} of them wait for an event that adds them to the totals"
    if found.balanced:
        print(f"The ledger balances: {checked}.")
    else:
        print(f"The ledger does not balance: {_counts(found.counts)} ({checked}).")


def _print_more(counts: dict[str, int], named: int) -> None:
    if sum(counts.values()) > named:
        print(f"… and {sum(counts.values()) - named:,} more.")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} {count:,}" for what, count in counts.items())


def _row(value: Any) -> str:
    if value is None:
        return "nothing"
    return _columns(value) if isinstance(value, dict) else cell(value)


def _columns(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {cell(value) if name != 'id' else value}" for name, value in row.items())


def _plain(found: "Verification") -> dict[str, Any]:
    return {
        "balanced": found.balanced,
        "at": found.at,
        "seconds": found.seconds,
        "lines": found.lines,
        "waiting_lines": found.waiting_lines,
        "counts": found.counts,
        "differences": found.differences,
    }


def _exit(found: "Verification") -> None:
    if not found.balanced:
        raise typer.Exit(1)


async def _verify(database: "Database") -> "Verification":
    from daybook.assistant import verification  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.ledger.verification.verify import verify  # noqa: PLC0415

    return await verify(database, verification.CHECKS)


async def _repair(database: "Database") -> "Repair":
    from daybook.assistant import verification  # noqa: PLC0415
    from daybook.ledger.verification.repair import repair  # noqa: PLC0415

    return await repair(database, verification.CHECKS, by=_who())


def _who() -> str:
    try:
        return getpass.getuser()[:128]
    except (KeyError, OSError):  # a user without a name, as in containers
        return f"uid {os.getuid()}"
