"""Money: `Decimal` from end to end, and a plain decimal number in a string on the wire, never a float."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer


def money_text(amount: Decimal) -> str:
    """`amount` in full, without an exponent and without zeros at the end: `0.00015`, `12`, `0`."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


Money = Annotated[Decimal, PlainSerializer(money_text, return_type=str, when_used="json")]
"""An amount in USD, as the API answers it."""
