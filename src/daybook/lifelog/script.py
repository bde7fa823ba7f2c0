"""Chinese script: which one a text is in, and putting it into the one that its reader has chosen.

A reader of `zh-Hant` is given Traditional characters with Taiwan's words (軟體, 資訊), one of `zh-Hans` Simplified
characters with the mainland's; Hong Kong and Macau have their own forms.

Many characters belong to both scripts, some of them with another meaning in each (后, 里, 干, 范). A text is converted
only when it has a character that its reader's script has not: converting what is right already would make 範 of the
name 范.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Literal

from opencc import OpenCC

Script = Literal["Hant", "Hans"]

_TRADITIONAL_REGIONS = {"TW", "HK", "MO"}
_HONG_KONG = {"HK", "MO"}
_BIG5_COMMON = range(0xA440, 0xC67F)
"""Big5's plane of frequent characters: exactly the everyday Traditional ones."""


def script_of_language(language: str) -> Script | None:
    """The script that a language tag asks for (by itself or by its region); None for languages but Chinese."""
    parts = language.split("-")
    if parts[0].lower() != "zh":
        return None
    for part in parts[1:]:
        match part.title():
            case "Hant":
                return "Hant"
            case "Hans":
                return "Hans"
            case _:
                pass
    return "Hant" if _TRADITIONAL_REGIONS & {part.upper() for part in parts[1:]} else "Hans"


def detect(text: str) -> Script | None:
    """Return the script that most of the distinctive characters of `text` are in; None if it is undecided."""
    simplified = sum(map(_is_simplified, text))
    traditional = sum(map(_is_traditional, text))
    if simplified == traditional:
        return None
    return "Hans" if simplified > traditional else "Hant"


def in_script(text: str, language: str, *, kept: Iterable[str] = (), whole: bool = False) -> str:
    """`text` in the script of `language`; as it is for languages but Chinese.

    The parts of it that are `kept` stay letter for letter. `whole`: `text` is a part of something in the other script,
    and is converted even if it has no telling character itself.
    """
    script = script_of_language(language)
    if script is None:
        return text
    foreign = _is_simplified if script == "Hant" else _is_traditional
    if not whole and not any(map(foreign, text)):
        return text
    converter = _converter(_conversion(script, language))
    parts = sorted({part for part in kept if part}, key=len, reverse=True)
    if not parts:
        return converter.convert(text)
    pieces = re.split("(" + "|".join(map(re.escape, parts)) + ")", text)
    return "".join(piece if at % 2 else converter.convert(piece) for at, piece in enumerate(pieces))


def folded(text: str) -> str:
    """`text` for comparing: one form of width and case, and Chinese in Simplified characters."""
    return _converter("t2s").convert(unicodedata.normalize("NFKC", text).casefold())


def _conversion(script: Script, language: str) -> str:
    if script == "Hans":
        return "tw2sp"
    return "s2hk" if _HONG_KONG & set(language.upper().split("-")) else "s2twp"


@cache
def _converter(conversion: str) -> OpenCC:
    return OpenCC(conversion)


@cache
def _is_simplified(character: str) -> bool:
    """Return True if Traditional texts do not use the character."""
    if character.isascii() or _converter("s2t").convert(character) == character:
        return False
    try:
        return int.from_bytes(character.encode("big5")) not in _BIG5_COMMON
    except UnicodeEncodeError:
        return True


@cache
def _is_traditional(character: str) -> bool:
    """Return True if Simplified texts do not use the character."""
    if character.isascii() or _converter("t2s").convert(character) == character:
        return False
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False
