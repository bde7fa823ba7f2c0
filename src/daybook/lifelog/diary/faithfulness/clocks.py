"""Times and parts of the day in a text: `14:05`, `2:05 pm`, `half past two`, `下午兩點`, `in the evening`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from daybook.lifelog.diary.faithfulness import numerals
from daybook.lifelog.diary.faithfulness.extract import extract

DAY = 24 * 60
"""Minutes."""
_NEAR = 15
"""Tolerance in minutes of a time that gives only the hour."""

_EARLY = "凌晨|清晨|清早|一早|早上|早晨|上午|今早"
_LATE = "下午|午后|傍晚|晚上|夜里|夜晚|今晚|晚间"
_PERIOD = rf"(?P<period>{_EARLY}|{_LATE}|中午|正午|半夜|深夜|午夜)?\s*(?:的)?\s*"
_HALF = r"(?P<half>[ap]\.?\s?m\b\.?)"
_HOURS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_HOUR_WORDS = "|".join(_HOURS)
_HOUR = rf"\d\d?|[{numerals.NUMERALS}]{{1,3}}"

_CLOCKS = re.compile(
    rf"""{_PERIOD}(?<![\d:.])(?P<h1>[01]?\d|2[0-4])[:h](?P<m1>[0-5]\d)(?::[0-5]\d)?(?![\d:])
        (?:\s*{_HALF.replace("half", "half1")})?
    | \b(?P<h2>\d\d?|{_HOUR_WORDS})\s*{_HALF.replace("half", "half2")}
    | \b(?P<past3>half|quarter|\d\d?|five|ten|twenty(?:-five)?)(?:\ minutes)?
        \ (?P<way3>past|to)\ (?P<h3>\d\d?|{_HOUR_WORDS})\b
    | \b(?P<h4>\d\d?|{_HOUR_WORDS})\ o\W?clock\b
    | (?P<period5>{_EARLY}|{_LATE}|中午|正午|半夜|深夜|午夜)?\s*(?P<h5>{_HOUR})(?:点钟?|时(?![间光候代刻常]))
        (?:(?P<more5>多)|(?P<half5>半)|(?P<quarter5>[一三])刻|过?(?P<m5>{_HOUR})分(?!之)|(?P<exact5>整))?""",
    re.VERBOSE,
)

_PARTS: dict[str, tuple[int, int]] = {
    # from, to: hours of the day; past 24 it goes on into the next one
    "morning": (4, 12),
    "noon": (11, 14),
    "midday": (11, 14),
    "lunchtime": (11, 15),
    "afternoon": (12, 19),
    "evening": (16, 24),
    "tonight": (17, 29),
    "midnight": (23, 25),
    "凌晨": (0, 6),
    "清晨": (4, 9),
    "一早": (4, 10),
    "早上": (4, 12),
    "早晨": (4, 11),
    "上午": (4, 13),
    "中午过后": (12, 18),
    "中午": (11, 14),
    "正午": (11, 13),
    "下午": (12, 19),
    "午后": (12, 18),
    "傍晚": (16, 20),
    "晚上": (17, 28),
    "夜里": (20, 30),
    "夜晚": (18, 30),
    "深夜": (21, 29),
    "半夜": (22, 29),
    "午夜": (23, 25),
}
_PART = re.compile(rf"\b(?:{'|'.join(name for name in _PARTS if name.isascii())})\b|" + "|".join(
    name for name in _PARTS if not name.isascii()
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in a text.

    `minutes` are its possible values since midnight: *2:05* alone is at night or in the afternoon. A moment may be
    `later` or `earlier` by fewer minutes than these, which are more if the text gives only the hour.
    """

    minutes: frozenset[int]
    later: int = 1
    earlier: int = 1

    def is_of(self, moments: Iterable[datetime]) -> bool:
        """Return True if one of the local `moments` is that time."""
        told = [moment.hour * 60 + moment.minute + moment.second / 60 for moment in moments]
        return any(
            -self.earlier < (real - minute + DAY / 2) % DAY - DAY / 2 < self.later
            for minute in self.minutes
            for real in told
        )


def extract_clocks(text: str) -> tuple[str, list[Clock]]:
    """Return the text without its times, and the times."""
    return extract(_CLOCKS, text, _read)


def extract_parts_of_day(text: str) -> tuple[str, list[str]]:
    """Return the text without its parts of the day, and the parts."""
    return extract(_PART, text, lambda found: found[0])


def is_in_part(part: str, intervals: Iterable[tuple[datetime, datetime]]) -> bool:
    """Return True if one of the local `intervals` overlaps the part of the day."""
    first, last = _PARTS[part]
    for start, end in intervals:
        begins = start.hour + start.minute / 60
        ends = begins + max((end - start).total_seconds(), 0) / 3600
        if any(begins <= last + shift and ends >= first + shift for shift in (-24, 0, 24)):
            return True
    return False


def _read(found: re.Match[str]) -> Clock | None:
    period = found["period"] or found["period5"]
    half = found["half1"] or found["half2"]
    if found["past3"] is not None:
        return _past(found["past3"], found["way3"], found["h3"])
    if found["h5"] is not None and not _is_time(found):
        return None
    hour = _hour(found["h1"] or found["h2"] or found["h4"] or found["h5"])
    if hour is None:
        return Clock(frozenset())
    minute, is_whole = _minute(found)
    return _clock(hour, minute, _is_late(period, half, hour), is_whole=is_whole, more=bool(found["more5"]))


def _is_time(found: re.Match[str]) -> bool:
    """Return False for `一点` meaning *a bit*: nothing around it marks a time."""
    told = (
        found["period5"]
        or found["half5"]
        or found["quarter5"]
        or found["m5"]
        or found["exact5"]
        or found["more5"]
    )
    return found["h5"] not in {"一", "两"} or bool(told) or "点钟" in found[0] or "时" in found[0]


def _past(minutes: str, way: str, hour: str) -> Clock:
    value = _hour(hour)
    away = {"half": 30, "quarter": 15}.get(minutes) or (
        int(minutes) if minutes.isdecimal() else int(numerals.english(minutes))
    )
    if value is None:
        return Clock(frozenset())
    return _clock(value, away if way == "past" else -away, None)


def _minute(found: re.Match[str]) -> tuple[int, bool]:
    """Return the minutes, and True if the text gives none."""
    if found["half5"]:
        return 30, False
    if found["quarter5"]:
        return {"一": 15, "三": 45}[found["quarter5"]], False
    told = found["m1"] or found["m5"]
    if told is None:
        return 0, True
    return (_hour(told, most=59) or 0), False


def _is_late(period: str | None, half: str | None, hour: int) -> bool | None:
    """Return True if the time is in the second half of the day; None if unknown."""
    if half is not None:
        return half.startswith("p")
    if period is None:
        return None
    if period in _EARLY.split("|"):
        return False
    if period in {"半夜", "深夜", "午夜"}:
        return hour > 6 and hour != 12  # noqa: PLR2004  (深夜两点 is in the night, 深夜十二点 is midnight)
    if period in {"中午", "正午"}:
        return hour not in {10, 11}
    return True


def _clock(hour: int, minute: int, late: bool | None, *, is_whole: bool = False, more: bool = False) -> Clock:
    if hour > 12 or hour == 0 or late is None:  # noqa: PLR2004  (half a day)
        hours = {hour, hour + 12} if late is None and 0 < hour <= 12 else {hour}  # noqa: PLR2004
    else:
        hours = {hour % 12 + 12 if late else hour % 12}
    minutes = frozenset((one * 60 + minute) % DAY for one in hours)
    if more:
        return Clock(minutes, later=60)
    return Clock(minutes, later=_NEAR, earlier=_NEAR) if is_whole else Clock(minutes)


def _hour(text: str, most: int = 24) -> int | None:
    if text in _HOURS:
        return _HOURS.index(text) + 1
    values = [int(text)] if text.isdecimal() else [int(value) for value in numerals.chinese(text)]
    return values[0] if len(values) == 1 and values[0] <= most else None
