"""What stands between quotation marks."""

import re
import unicodedata

from daybook.lifelog.script import folded

_QUOTES = re.compile(
    '“([^“”]+)”|"([^"]+)"|「([^「」]+)」|『([^『』]+)』|《([^《》]+)》|〈([^〈〉]+)〉|«([^«»]+)»|„([^„“”]+)[“”]'
    r"|(?<!\w)‘([^‘’]+)’(?!\w)"  # noqa: RUF001  (quotation marks are what this is about)
)


def quotes_in(text: str) -> list[str]:
    """What `text` quotes, without the marks, in order."""
    return [next(part for part in found if part) for found in _QUOTES.findall(text)]


def without_quotes(text: str) -> str:
    """`text` without its quotations."""
    return _QUOTES.sub(" ¦ ", text)


def bare(text: str) -> str:
    """The letters and figures of `text`, folded: what two spellings of a quotation have in common."""
    return "".join(character for character in folded(text) if unicodedata.category(character)[0] in "LNM")
