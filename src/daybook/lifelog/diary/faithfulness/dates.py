"""Dates in a text: `2026-11-20`, `20 November`, `Nov 20th, 2026`, `11月20日`, `Friday`, `星期五`."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from daybook.lifelog.diary.faithfulness import numerals
from daybook.lifelog.diary.faithfulness.extract import extract

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CHINESE_WEEKDAYS = "一二三四五六日天"

_NUMBER = rf"\d+|[{numerals.NUMERALS}]+"
_YEAR = r"(?:19|20|21)\d\d"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DATES = re.compile(
    rf"""(?<![\d.]) (?P<y1>{_YEAR}) (?P<dash>[-/.]) (?P<m1>\d\d?) (?P=dash) (?P<d1>\d\d?) (?![\d])
    | (?:(?P<y2>{_YEAR}|[{numerals.NUMERALS}]{{4}})年\s*)?(?P<m2>{_NUMBER})月\s*(?:(?P<d2>{_NUMBER})[日号])?
    | (?P<y3>{_YEAR}|[{numerals.NUMERALS}]{{4}})年
    | \b(?P<d4>\d\d?)(?:st|nd|rd|th)?\.?(?:\s+of)?\s+(?P<m4>{_MONTH})(?:,?\s+(?P<y4>{_YEAR}))?(?!\w)
    | \b(?P<m5>{_MONTH})\s+(?P<d5>\d\d?)(?:st|nd|rd|th)?\b(?!:)(?:,?\s+(?P<y5>{_YEAR})\b)?
    | \b(?P<w6>mon|tues|wednes|thurs|fri|satur|sun)days?\b
    | (?:星期|周|礼拜)(?P<w7>[{_CHINESE_WEEKDAYS}])
    | \b(?:in|of)\s+(?P<y8>{_YEAR})\b""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Day:
    """The known parts of a date; `weekday` counts from 0, Monday."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None

    def is_of(self, day: date) -> bool:
        """Return True if `day` matches the known parts."""
        told = (self.year, self.month, self.day, self.weekday)
        real = (day.year, day.month, day.day, day.weekday())
        return all(one is None or one == other for one, other in zip(told, real, strict=True))


def extract_dates(text: str) -> tuple[str, list[Day]]:
    """Return the text without its dates, and the dates."""
    return extract(_DATES, text, _read)


def _read(found: re.Match[str]) -> Day | None:
    if (name := found["w6"]) is not None:
        return Day(weekday=_WEEKDAYS.index(name[:3]))
    if (character := found["w7"]) is not None:
        return Day(weekday=min(_CHINESE_WEEKDAYS.index(character), 6))
    year, month, day = (
        next((found[name] for name in found.groupdict() if name[0] == kind and found[name]), None)
        for kind in "ymd"
    )
    if month is not None and month[:3] in _MONTHS:
        month = str(_MONTHS.index(month[:3]) + 1)
    values = [_number(part) for part in (year, month, day)]
    return Day(*values) if any(value is not None for value in values) else None


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    values = numerals.chinese(text)
    return int(values[0]) if values and values[0] < Decimal(10_000) else 0
