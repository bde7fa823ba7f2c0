"""Durations in a text: `3 minutes 20 seconds`, `an hour and a half`, `半小時`, `二十分鐘`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from daybook.lifelog.diary.faithfulness import numerals
from daybook.lifelog.diary.faithfulness.extract import extract

_SECOND, _MINUTE, _HOUR, _QUARTER = 1.0, 60.0, 3600.0, 900.0

_NUMBER = rf"\d+(?:\.\d+)?|[{numerals.NUMERALS}]+|{numerals.ENGLISH}|\b(?:one|an?)\b"
_UNIT = (
    r"(?P<hour>hours?\b|hrs?\b|h\b|(?:个半?)?(?:小时|钟头))|(?P<minute>minutes?\b|mins?\b|min\b|m\b(?=\s*\d+\s*s)|分钟|分(?=\d|[零〇一二三四五六七八九十]))"
    r"|(?P<second>seconds?\b|secs?\b|s\b|秒钟?)|(?P<quarter>刻钟)"
)
_PART = re.compile(rf"(?P<number>{_NUMBER})[\s-]*(?P<unit>{_UNIT})(?P<and_half>半| and a half\b)?")
_HALF = r"\bhalf an? hour\b|半个?(?:小时|钟头)|\bhalf a minute\b|半分钟"
_WORTH = {"hour": _HOUR, "minute": _MINUTE, "second": _SECOND, "quarter": _QUARTER}
_BARE = re.sub(r"\(\?P<\w+>", "(?:", _PART.pattern)
_LENGTHS = re.compile(rf"(?P<half>{_HALF})|(?:{_BARE})(?:(?:\s|,|and\b)*(?:{_BARE}))*")


@dataclass(frozen=True, slots=True)
class Length:
    """A duration in a text, in `seconds`, with its tolerance."""

    seconds: float
    within: float

    def is_of(self, lengths: Iterable[float]) -> bool:
        """Return True if one of `lengths`, in seconds, matches."""
        return any(abs(self.seconds - real) < self.within for real in lengths)


def extract_lengths(text: str) -> tuple[str, list[Length]]:
    """Return the text without its durations, and the durations."""
    return extract(_LENGTHS, text, _read)


def _read(found: re.Match[str]) -> Length | None:
    if found["half"]:
        whole = _MINUTE if "minute" in found["half"] or "分" in found["half"] else _HOUR
        return Length(whole / 2, _within(whole / 2, whole))
    total, smallest = 0.0, _HOUR
    for part in _PART.finditer(found[0]):
        worth = next(_WORTH[name] for name in _WORTH if part[name])
        number = _number(part["number"])
        if number is None:
            return None
        total += number * worth
        if part["and_half"] or (part["hour"] or "").startswith("个半"):
            total += worth / 2
        smallest = min(smallest, worth)
    return Length(total, _within(total, smallest))


def _within(seconds: float, unit: float) -> float:
    """Return the tolerance of a duration in this unit: a quarter for hours, one for minutes, two for 20 seconds."""
    if unit >= _QUARTER:
        return _QUARTER + 1
    return unit + 0.5 if unit == _MINUTE else max(2.0, seconds / 20)


def _number(text: str) -> float | None:
    if text in {"a", "an", "one"}:
        return 1.0
    if re.fullmatch(r"[\d.]+", text):
        return float(text)
    if text[0] in numerals.NUMERALS:
        values = numerals.chinese(text)
        return float(values[0]) if len(values) == 1 else None
    return float(numerals.english(text))
