"""`daybook budget`: how much codes, groups and users may take."""

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.names import group_id_of, user_id_of
from daybook.cli.options import MOST, Json, amount
from daybook.cli.output import print_json, print_table
from daybook.cli.work import checked, work

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.ledger.budgets.schemas import BudgetResponse, LeaseResponse

app = typer.Typer(help="How much codes, groups and users may take, per day and month.", no_args_is_help=True)

Subject = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="code:PUBLIC_ID, group:NAME or user:ACCOUNT (names or ids).")
]
Tokens = Annotated[int | None, typer.Option(min=0, help="A limit in tokens.")]
Money = Annotated[Decimal | None, typer.Option(parser=amount, metavar="USD", help="A limit in money.")]
Soft = Annotated[bool, typer.Option("--soft", help="Warn, and let calls pass.")]


class Per(StrEnum):
    """How long a budget lasts (UTC)."""

    DAY = "day"
    MONTH = "month"


@app.command("set")
def set_budget(
    subject: Subject,
    per: Annotated[Per, typer.Option(help="How long it lasts (UTC).")],
    tokens: Tokens = None,
    money: Money = None,
    soft: Soft = False,
    as_json: Json = False,
) -> None:
    """Set a budget. What the current day or month took already counts."""
    kind, _, name = subject.partition(":")
    if kind not in {"code", "group", "user"} or not name:
        raise typer.BadParameter("SUBJECT must be code:PUBLIC_ID, group:NAME or user:ACCOUNT")
    limits: list[tuple[str, Decimal]] = [] if tokens is None else [("tokens", Decimal(tokens))]
    if money is not None:
        limits.append(("usd", money))
    if not limits:
        raise typer.BadParameter("give a limit: --tokens, --money or both")
    budgets = work(lambda database: _set(database, kind, name, per, limits, soft=soft))
    if as_json:
        print_json(budgets)
    else:
        _print(budgets)


@app.command("list")
def list_budgets(
    inactive: Annotated[bool, typer.Option("--inactive", help="Those that were removed, too.")] = False,
    leases: Annotated[
        bool, typer.Option("--leases", help="Instead, what each gateway process holds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List budgets: limit, used, held, left, and when each resets."""
    if leases:
        held = work(_leases)
        if as_json:
            print_json(held)
        else:
            _print_leases(held)
        return
    found = work(lambda database: _all(database, inactive=inactive))
    if as_json:
        print_json(found)
    else:
        _print(found)


@app.command()
def remove(
    budget_id: Annotated[int, typer.Argument(min=1, max=2**31 - 1, metavar="ID")], as_json: Json = False
) -> None:
    """Take a budget out of force. What was used stays known."""
    budget = work(lambda database: _remove(database, budget_id))
    if as_json:
        print_json(budget)
    else:
        print(f"Budget {budget.id} of {budget.subject} {budget.subject_name} is out of force.")


@app.command()
def release(owner: Annotated[str, typer.Argument(metavar="OWNER")], as_json: Json = False) -> None:
    """Release what a gateway process on a lost host holds.

    'budget list --leases' shows owners.
    """
    released = work(lambda database: _release(database, owner))
    if as_json:
        print_json({"released": released})
    else:
        print(f"{released} leases are released.")


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
    """Tokens as whole numbers, which tables write like all others."""
    return int(value) if unit == "tokens" else value


def _print_leases(leases: "list[LeaseResponse]") -> None:
    print_table(
        ["owner", "budget", "period", "held", "since (UTC)", "seen (UTC)"],
        [
            [one.owner, str(one.budget_id), str(one.period_start), one.held, one.leased_at, one.seen_at]
            for one in leases
        ],
        empty="Nothing is held.",
    )


async def _set(
    database: "Database", kind: str, name: str, per: Per, limits: list[tuple[str, Decimal]], *, soft: bool
) -> "list[BudgetResponse]":
    from daybook.ledger.budgets import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.ledger.budgets.schemas import BudgetRequest  # noqa: PLC0415

    async with database.write() as session:
        subject_id: int | str = name
        if kind == "group":
            subject_id = await group_id_of(session, name)
        elif kind == "user":
            subject_id = await user_id_of(session, name)
        return [
            await service.set_budget(
                session,
                checked(
                    BudgetRequest,
                    subject=kind,
                    subject_id=subject_id,
                    period=per.value,
                    unit=unit,
                    limit=limit,
                    hard=not soft,
                ),
            )
            for unit, limit in limits
        ]


async def _all(database: "Database", *, inactive: bool) -> "list[BudgetResponse]":
    from daybook.ledger.budgets import service  # noqa: PLC0415

    async with database.read() as session:
        return list((await service.list_budgets(session, inactive=inactive, page_size=MOST)).list)


async def _leases(database: "Database") -> "list[LeaseResponse]":
    from daybook.ledger.budgets import service  # noqa: PLC0415

    async with database.read() as session:
        return await service.list_leases(session)


async def _remove(database: "Database", budget_id: int) -> "BudgetResponse":
    from daybook.ledger.budgets import service  # noqa: PLC0415

    async with database.write() as session:
        return await service.remove_budget(session, budget_id)


async def _release(database: "Database", owner: str) -> int:
    from daybook.ledger.budgets import service  # noqa: PLC0415

    async with database.write() as session:
        return await service.release_owner(session, owner)
