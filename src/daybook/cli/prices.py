"""`daybook price`: prices of models."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import Json, amount
from daybook.cli.output import print_json, print_table
from daybook.cli.work import checked, read, write

if TYPE_CHECKING:
    from daybook.ledger.schemas import PriceResponse

app = typer.Typer(help="Prices of models, in USD per million tokens.", no_args_is_help=True)


@app.command("set")
def set_price(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    input_price: Annotated[Decimal, typer.Option("--input", parser=amount, metavar="USD", help="Prompt.")],
    output_price: Annotated[
        Decimal, typer.Option("--output", parser=amount, metavar="USD", help="Completion.")
    ],
    cached_input: Annotated[
        Decimal | None, typer.Option(parser=amount, metavar="USD", help="Cached prompt (default: --input).")
    ] = None,
    cache_write: Annotated[
        Decimal | None,
        typer.Option(parser=amount, metavar="USD", help="Prompt written to the cache (default: --input)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set a model's price from now on, in USD per million tokens. Lines in the ledger keep their cost."""
    from daybook.ledger import prices  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.ledger.schemas import PriceRequest  # noqa: PLC0415

    new: PriceRequest = checked(
        PriceRequest,
        model=model,
        input=input_price,
        output=output_price,
        cached_input=cached_input,
        cache_write=cache_write,
    )
    price = write(lambda session: prices.set_price(session, new))
    if as_json:
        print_json(price)
    else:
        _print([price])


@app.command("list")
def list_prices(as_json: Json = False) -> None:
    """List the prices that are set.

    Other models have public prices.
    """
    from daybook.ledger import prices  # noqa: PLC0415

    found = read(prices.list_prices)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(prices: "list[PriceResponse]") -> None:
    print_table(
        ["model", "input", "output", "cached input", "cache write", "since (UTC)"],
        [
            [price.model, price.input, price.output, price.cached_input, price.cache_write, price.created_at]
            for price in prices
        ],
        empty="No prices are set; models have public prices.",
    )
