"""Finding something in a text and taking it out."""

import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def extract(
    pattern: re.Pattern[str], text: str, read: Callable[[re.Match[str]], T | None]
) -> tuple[str, list[T]]:
    """`text` without what `pattern` found, and what `read` made of it. Where it made None, the text stays."""
    found: list[T] = []

    def replace(match: re.Match[str]) -> str:
        value = read(match)
        if value is None:
            return match[0]
        found.append(value)
        return " ¦ "

    return pattern.sub(replace, text), found
