"""Output of commands: JSON for programs (money as strings, times in UTC), tables for people."""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def print_json(value: Any) -> None:
    """Print `value` (plain values, dataclasses, schemas) as indented JSON, in the API's format."""
    import orjson  # noqa: PLC0415  (see the package's docstring)

    text = orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        # Escape the letters that the output's encoding lacks.
        text = re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
    sys.stdout.write(text + "\n")


def print_result(value: Any, sentence: str, *, as_json: bool) -> None:
    """Print `value` as JSON, or `sentence`."""
    if as_json:
        print_json(value)
    else:
        print(sentence)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print a table with numbers aligned right, or `empty` if there are no rows."""
    values = [list(row) for row in rows]
    if not values:
        print(empty)
        return
    right = [_is_numeric([row[column] for row in values]) for column in range(len(headings))]
    cells = [list(headings), *([cell(value) for value in row] for row in values)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        padded = (
            " " * (width - _width(text)) + text if number else text + " " * (width - _width(text))
            for text, width, number in zip(row, widths, right, strict=True)
        )
        print("  ".join(padded).rstrip())


def print_fields(fields: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one per line."""
    rows = [(name, cell(value)) for name, value in fields]
    width = max(_width(name) for name, _ in rows)
    for name, text in rows:
        print(f"{name}{' ' * (width - _width(name))}  {text}".rstrip())


def cell(value: Any, limit: int | None = None) -> str:
    """`value` in one line of at most `limit` columns. Control characters are escaped, as users choose names."""
    from daybook.kit.money import money_text  # noqa: PLC0415

    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case Decimal():
            return money_text(value)
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            text = ", ".join(str(item) for item in value) or "-"
        case _:
            text = str(value)
    text = printable(text.replace("\n", " "))
    return text if limit is None else _cut(text, limit)


def printable(text: str) -> str:
    r"""`text` with control and direction characters written as `\x1b`; line ends stay."""
    return "\n".join(
        _CONTROL.sub(lambda found: ascii(found[0])[1:-1], line.rstrip("\r")) for line in text.split("\n")
    )


def _plain(value: Any) -> Any:
    from daybook.kit.money import money_text  # noqa: PLC0415

    if isinstance(value, Decimal):
        return money_text(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _is_numeric(column: Sequence[Any]) -> bool:
    numbers = [value for value in column if value is not None]
    return bool(numbers) and all(type(value) in {int, Decimal} for value in numbers)


def _width(text: str) -> int:
    """The width of `text` in columns; Chinese, Japanese and Korean characters take two."""
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0  # combines with the character before it
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, limit: int) -> str:
    text, rest = text[:limit], text[limit:]
    if not rest and _width(text) <= limit:
        return text
    while _width(text) >= limit:
        text = text[:-1]
    return text + "…"
