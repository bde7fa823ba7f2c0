"""Numbers in a text: digits, English words and Chinese numerals."""

import re
from decimal import Decimal

from daybook.lifelog.diary.faithfulness import numerals
from daybook.lifelog.diary.faithfulness.extract import extract

_MEASURES = (
    "个人名位只隻头条匹辆台架艘次回遍趟杯瓶碗盘盒包袋本张页份篇封棵朵片块件套双对副间家栋层楼岁年月日天周秒米"
    "公里斤克元钱毛步口种项场首支枝把根站段排组队群班级路号%度倍成"
)
"""Characters that mark a Chinese numeral of one character as a number: 三個 is one, 三明治 is not. Simplified."""

_NUMBERS = re.compile(
    r"(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s*(?P<large>[万亿千百])?"
    rf"|(?P<ordinal>第)?(?P<numeral>[{numerals.NUMERALS}]+)(?=(?P<after>.?))"
    rf"|(?P<words>{numerals.ENGLISH})",
    re.DOTALL,
)
_LARGE = {"百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_ONE = Decimal(1)
_ONE_IN_WORDS = re.compile(r"\b(?:an?|one|single)\b|[一单]")


def extract_numbers(text: str) -> tuple[str, list[frozenset[Decimal]]]:
    """Return the text without its numbers, and the possible values of each."""
    return extract(_NUMBERS, text, lambda found: _read(found, strict=False))


def numbers_said(text: str) -> set[Decimal]:
    """Return every number that a text may support, including 1 for *a cup*."""
    _, found = extract(_NUMBERS, text, lambda match: _read(match, strict=True))
    said = {value for values in found for value in values}
    return said | ({_ONE} if _ONE_IN_WORDS.search(text) else set())


def _read(found: re.Match[str], *, strict: bool) -> frozenset[Decimal] | None:
    """Return the values of a number; a numeral such as 三四 has two. `strict`: numerals count anywhere."""
    if (digits := found["digits"]) is not None:
        return frozenset({Decimal(digits.replace(",", "")) * _LARGE.get(found["large"] or "", 1)})
    if (words := found["words"]) is not None:
        return frozenset({numerals.english(words)})
    numeral, after = found["numeral"], found["after"]
    if not strict and not found["ordinal"] and not _is_number(numeral, after):
        return None
    values = numerals.chinese(numeral)
    return frozenset(values) if values else None


def _is_number(numeral: str, after: str) -> bool:
    """Return True if a numeral before the character `after` is a number and not part of a word: 十分 is *very*."""
    if numeral == "一" or (numeral == "十" and after == "分"):
        return False
    return len(numeral) > 1 or (bool(after) and after in _MEASURES)
