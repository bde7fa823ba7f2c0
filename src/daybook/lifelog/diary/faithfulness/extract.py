"""Extraction of matches from a text."""

import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def extract(
    pattern: re.Pattern[str], text: str, read: Callable[[re.Match[str]], T | None]
) -> tuple[str, list[T]]:
    """Return `text` without the matches of `pattern`, and the values that `read` makes of them. A match with value None
    stays.
    """
    found: list[T] = []

    def replace(match: re.Match[str]) -> str:
        value = read(match)
        if value is None:
            return match[0]
        found.append(value)
        return " ¦ "

    return pattern.sub(replace, text), found
