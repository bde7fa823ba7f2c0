"""Numbers in words: English, and Chinese and Japanese numerals."""

import re
from decimal import Decimal

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {
    "〇": 0,  # noqa: RUF001  (the zero of 二〇二六)
    "两": 2,
    "俩": 2,
}
_SMALL_UNITS = {"十": 10, "百": 100, "千": 1000}
_LARGE_UNITS = {"万": 10_000, "亿": 100_000_000}

NUMERALS = "".join([*_DIGITS, *_SMALL_UNITS, *_LARGE_UNITS])

_UP_TO_NINETEEN = (
    "two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_ONES = {word: value for value, word in enumerate(_UP_TO_NINETEEN.split(), 2)}
_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)  # noqa: SIM905  (words read better in a line)
}
_WHOLE = {"dozen": 12, "twice": 2, "thrice": 3}
_MULTIPLIERS = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_WORDS = "|".join([*_ONES, *_TENS, *_WHOLE, *_MULTIPLIERS])

ENGLISH = (
    rf"(?<![\w'])(?:one[ -](?=hundred|thousand|million))?(?:{_WORDS})"
    rf"(?:(?:[ -]|\ and\ )(?:{_WORDS}|one))*(?![\w'])"
)
"""A number in English words, in a folded text. *One* by itself is not a number: it is an article or a pronoun."""


def english(words: str) -> Decimal:
    """Return the value of a match of `ENGLISH`."""
    total = current = 0
    for word in re.findall(r"[a-z]+", words):
        if word in _MULTIPLIERS:
            current = max(current, 1) * _MULTIPLIERS[word]
            if current >= _MULTIPLIERS["thousand"]:
                total, current = total + current, 0
        elif word == "dozen":
            current = max(current, 1) * _WHOLE["dozen"]
        else:
            current += _ONES.get(word) or _TENS.get(word) or _WHOLE.get(word) or (word == "one")
    return Decimal(total + current)


def chinese(numeral: str) -> list[Decimal]:
    """Return the possible values of a folded numeral.

    `十二` is 12, `二〇二六` is 2026, `三四` is 3 or 4, and `千万`, which has no digit, is none.
    """
    if not any(character in _DIGITS or character == "十" for character in numeral):
        return []
    if all(character in _DIGITS for character in numeral):
        values = [_DIGITS[character] for character in numeral]
        if len(values) == 2 and 0 not in values:  # noqa: PLR2004  (of two digits)
            return [Decimal(value) for value in values]
        return [Decimal("".join(map(str, values)))]
    return [Decimal(_with_units(numeral))]


def _with_units(numeral: str) -> int:
    total = section = digit = 0
    for character in numeral:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _SMALL_UNITS:
            section += max(digit, 1) * _SMALL_UNITS[character]
            digit = 0
        else:
            total = (total + section + digit or 1) * _LARGE_UNITS[character]
            section = digit = 0
    return total + section + digit
