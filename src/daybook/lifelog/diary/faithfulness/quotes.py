"""Quotations in a text."""

import re
import unicodedata

from daybook.lifelog.script import folded

_QUOTES = re.compile(
    '“([^“”]+)”|"([^"]+)"|「([^「」]+)」|『([^『』]+)』|《([^《》]+)》|〈([^〈〉]+)〉|«([^«»]+)»|„([^„“”]+)[“”]'
    r"|(?<!\w)‘([^‘’]+)’(?!\w)"  # noqa: RUF001  (quotation marks are what this is about)
)


def quotes_in(text: str) -> list[str]:
    """Return the quotations of `text` in order, without the marks."""
    return [next(part for part in found if part) for found in _QUOTES.findall(text)]


def without_quotes(text: str) -> str:
    """Return `text` without its quotations."""
    return _QUOTES.sub(" ¦ ", text)


def bare(text: str) -> str:
    """Return the folded letters and digits of `text`, which two spellings of a quotation share."""
    return "".join(character for character in folded(text) if unicodedata.category(character)[0] in "LNM")
