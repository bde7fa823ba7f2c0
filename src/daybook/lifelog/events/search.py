"""Words of events for PostgreSQL's text search.

The application splits text into words, since the embedded server cannot split Chinese. Scripts without spaces yield
single characters and pairs of neighbours; others yield words, without accents and in lower case. Traditional and
Simplified Chinese are folded to one script, so that each finds both. Queries are split in the same way.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from opencc import OpenCC

MOST_WORDS = 5_000
"""Maximum words of one event in the index; the limits of its texts are far below."""

MOST_SOUGHT = 24
"""Maximum words of a query."""

SHORTEST_PREFIX = 3
"""Letters from which a query word is a prefix: `walk` finds `walking`."""

_LONGEST_WORD = 64

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007"  # 々〆〇
    "\u3040-\u30ff\u31f0-\u31ff"  # Kana
    "\u3100-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\uac00-\ud7af"  # Hangul: spaced, but with endings stuck to its words
)
_RUNS = re.compile(
    rf"(?P<unspaced>[{_UNSPACED}]+)|(?P<word>[^\W_{_UNSPACED}](?:[^\W_{_UNSPACED}]|[\u0300-\u036f])*)"
)

# What OpenCC decides by context or leaves alone, so that both scripts would not meet.
_ONE_SPELLING = str.maketrans("著乾妳甚沈藉於昇徵锺", "着干你什沉借于升征钟")


def vector(fields: Sequence[tuple[str, str]]) -> str:
    """Return the `tsvector` literal for texts with weights, such as `[("A", summary), ("B", scene)]`."""
    places: dict[str, list[str]] = {}
    begin = end = 1
    for weight, text in fields:
        for word, offset, length in _cut(text):
            end = begin + offset + length
            if word in places or len(places) < MOST_WORDS:
                places.setdefault(word, []).append(f"{begin + offset}{weight}")
        begin = end + 2  # no phrase reaches from one text into the next
    return " ".join(f"'{word}':{','.join(found[:255])}" for word, found in places.items())


def query(text: str) -> str:
    """Return the `tsquery` literal that matches all words of `text`; empty if there are none."""
    parts: list[str] = []
    for run in _runs(text):
        if run.lastgroup == "word":
            word = _folded_word(run[0])
            parts.append(f"'{word}'{':*' if len(word) >= SHORTEST_PREFIX else ''}" if word else "")
        elif len(run[0]) == 1:
            parts.append(f"'{run[0]}'")
        else:
            parts.append("(" + " <-> ".join(f"'{pair}'" for pair in _pairs(run[0][:MOST_SOUGHT])) + ")")
    return " & ".join([part for part in parts if part][:MOST_SOUGHT])


def _cut(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each word of `text`, its position and length; a pair has its first character's position."""
    place = 0
    for run in _runs(text):
        if run.lastgroup == "word":
            if word := _folded_word(run[0]):
                yield word, place, 1
                place += 1
            continue
        for offset, character in enumerate(run[0]):
            yield character, place + offset, 1
        for offset, pair in enumerate(_pairs(run[0])):
            yield pair, place + offset, 2
        place += len(run[0])


def _runs(text: str) -> Iterator[re.Match[str]]:
    text = unicodedata.normalize("NFKC", text)
    return _RUNS.finditer(_to_simplified().convert(text).translate(_ONE_SPELLING).casefold())


def _pairs(run: str) -> Iterator[str]:
    return (run[place : place + 2] for place in range(len(run) - 1))


def _folded_word(word: str) -> str:
    """Return `word` without accents: letters and digits only, which need no quoting."""
    letters = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))[:_LONGEST_WORD]


@cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")
