"""Options shared by several commands."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

MOST = 10_000
"""Most rows of a list of accounts, groups or codes."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="First day, or a time (ISO 8601; UTC).")
]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day (inclusive), or a time.")]


def amount(text: str) -> Decimal:
    """Parse an amount of money."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter("must be a number such as 2.50") from None
    if not number.is_finite() or number < 0:
        raise typer.BadParameter("must be a number of at least 0")
    return number
