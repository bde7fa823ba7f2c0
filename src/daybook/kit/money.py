"""Money: `Decimal` everywhere, a decimal string in JSON, never a float."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer


def money_text(amount: Decimal) -> str:
    """`amount` without an exponent and without trailing zeros: `0.00015`, `12`, `0`."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


Money = Annotated[Decimal, PlainSerializer(money_text, return_type=str, when_used="json")]
"""An amount in USD in a response."""
