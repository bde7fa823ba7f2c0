"""`daybook budget`: limits on the usage of codes, groups and users."""

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.names import group_id_of, user_id_of
from daybook.cli.options import MOST, Json, amount
from daybook.cli.output import print_json, print_result, print_table
from daybook.cli.work import checked, read, write

if TYPE_CHECKING:
    from daybook.db.engine import WriteSession
    from daybook.ledger.budgets.schemas import BudgetResponse, LeaseResponse

app = typer.Typer(
    help="Limits on the usage of codes, groups and users, per day or month.", no_args_is_help=True
)

Subject = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="code:PUBLIC_ID, group:NAME or user:ACCOUNT (names or ids).")
]
Tokens = Annotated[int | None, typer.Option(min=0, help="A limit in tokens.")]
Money = Annotated[Decimal | None, typer.Option(parser=amount, metavar="USD", help="A limit in money.")]
Soft = Annotated[bool, typer.Option("--soft", help="Warn only; calls still pass.")]


class Per(StrEnum):
    """The period of a budget (UTC)."""

    DAY = "day"
    MONTH = "month"


@app.command("set")
def set_budget(
    subject: Subject,
    per: Annotated[Per, typer.Option(help="Its period (UTC).")],
    tokens: Tokens = None,
    money: Money = None,
    soft: Soft = False,
    as_json: Json = False,
) -> None:
    """Set a budget. The usage of the current day or month counts."""
    kind, _, name = subject.partition(":")
    if kind not in {"code", "group", "user"} or not name:
        raise typer.BadParameter("SUBJECT must be code:PUBLIC_ID, group:NAME or user:ACCOUNT")
    limits: list[tuple[str, Decimal]] = [] if tokens is None else [("tokens", Decimal(tokens))]
    if money is not None:
        limits.append(("usd", money))
    if not limits:
        raise typer.BadParameter("give a limit: --tokens, --money or both")
    budgets = write(lambda session: _set(session, kind, name, per, limits, soft=soft))
    if as_json:
        print_json(budgets)
    else:
        _print(budgets)


@app.command("list")
def list_budgets(
    inactive: Annotated[bool, typer.Option("--inactive", help="Include removed ones.")] = False,
    leases: Annotated[
        bool, typer.Option("--leases", help="List the leases of gateway processes instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List budgets: limit, used, held, left, and when each resets."""
    from daybook.ledger.budgets import service  # noqa: PLC0415  (here and below: see the package's docstring)

    if leases:
        held = read(service.list_leases)
        if as_json:
            print_json(held)
        else:
            _print_leases(held)
        return
    page = read(lambda session: service.list_budgets(session, inactive=inactive, page_size=MOST))
    found = list(page.list)
    if as_json:
        print_json(found)
    else:
        _print(found)


@app.command()
def remove(
    budget_id: Annotated[int, typer.Argument(min=1, max=2**31 - 1, metavar="ID")], as_json: Json = False
) -> None:
    """Remove a budget. Its usage stays stored."""
    from daybook.ledger.budgets import service  # noqa: PLC0415

    budget = write(lambda session: service.remove_budget(session, budget_id))
    sentence = f"Budget {budget.id} of {budget.subject} {budget.subject_name} is removed."
    print_result(budget, sentence, as_json=as_json)


@app.command()
def release(owner: Annotated[str, typer.Argument(metavar="OWNER")], as_json: Json = False) -> None:
    """Release the leases of a gateway process on a lost host.

    'budget list --leases' shows owners.
    """
    from daybook.ledger.budgets import service  # noqa: PLC0415

    released = write(lambda session: service.release_owner(session, owner))
    print_result({"released": released}, f"Released leases: {released}.", as_json=as_json)


def _print(budgets: "list[BudgetResponse]") -> None:
    print_table(
        ["id", "subject", "per", "unit", "kind", "limit", "used", "held", "left", "resets (UTC)"],
        [
            [
                str(one.id),
                f"{one.subject}:{one.subject_name}",
                one.period,
                one.unit,
                ("hard" if one.hard else "soft") if one.active else "removed",
                *(_amount(value, one.unit) for value in (one.limit, one.used, one.held, one.left)),
                one.resets_at,
            ]
            for one in budgets
        ],
        empty="There are no budgets. Set one: daybook budget set group:default --per month --money 20",
    )


def _amount(value: Decimal, unit: str) -> int | Decimal:
    """Tokens as int, so that tables format them like other numbers."""
    return int(value) if unit == "tokens" else value


def _print_leases(leases: "list[LeaseResponse]") -> None:
    print_table(
        ["owner", "budget", "period", "held", "since (UTC)", "seen (UTC)"],
        [
            [one.owner, str(one.budget_id), str(one.period_start), one.held, one.leased_at, one.seen_at]
            for one in leases
        ],
        empty="There are no leases.",
    )


async def _set(
    session: "WriteSession", kind: str, name: str, per: Per, limits: list[tuple[str, Decimal]], *, soft: bool
) -> "list[BudgetResponse]":
    from daybook.ledger.budgets import service  # noqa: PLC0415
    from daybook.ledger.budgets.schemas import BudgetRequest  # noqa: PLC0415

    subject_id: int | str = name
    if kind == "group":
        subject_id = await group_id_of(session, name)
    elif kind == "user":
        subject_id = await user_id_of(session, name)
    subject = {"subject": kind, "subject_id": subject_id, "period": per.value, "hard": not soft}
    return [
        await service.set_budget(session, checked(BudgetRequest, **subject, unit=unit, limit=limit))
        for unit, limit in limits
    ]
