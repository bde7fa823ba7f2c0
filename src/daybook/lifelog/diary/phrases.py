"""An event in its own words: what stands on a page where no model has put it better."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from daybook.lifelog.events.facts import Facts, summary_of, told
from daybook.lifelog.events.models import Event
from daybook.lifelog.script import script_of_language

_ENGLISH = {
    "recorded": "a recording of {length}, not described yet",
    "recorded_only": "a recording, not described yet",
    "comma": ", ",
    "brackets": " ({})",
    "stop": ".",
    "seconds": "{} s",
    "minutes": "{} min",
    "hours": "{} h {} min",
}
_TRADITIONAL = {
    "recorded": "一段 {length}的影片，還沒有描述",
    "recorded_only": "一段影片，還沒有描述",
    "comma": "、",
    "brackets": "（{}）",
    "stop": "。",
    "seconds": "{} 秒",
    "minutes": "{} 分鐘",
    "hours": "{} 小時 {} 分鐘",
}
_SIMPLIFIED = _TRADITIONAL | {
    "recorded": "一段 {length}的影片，还没有描述",
    "recorded_only": "一段影片，还没有描述",
    "minutes": "{} 分钟",
    "hours": "{} 小时 {} 分钟",
}
_ENDS = tuple('.!?…。！？」』”"')


def own_words(event: Event, start: datetime, language: str) -> str:
    """The event in a sentence: its local time, and its summary or what else is known of it."""
    words = _words(language)
    said = (
        (summary_of(event, language) or "").strip()
        or _put_together(event, words)
        or _measured(event, language)
    )
    said = " ".join(said.split())
    return f"{start:%H:%M} – {said}{'' if said.endswith(_ENDS) else words['stop']}"  # noqa: RUF001  (a dash, as it is printed)


def measured_in_words(facts: Mapping[str, Any] | None, language: str) -> str:
    """What was measured of a recording: motion, brightness, sound."""
    return _words(language)["comma"].join(told(Facts.of(facts), language))


def length_in_words(seconds: float, language: str) -> str:
    """A length of time, to the second below a minute and to the minute above."""
    words = _words(language)
    if seconds < 59.5:  # noqa: PLR2004  (what rounds to a minute is one)
        return words["seconds"].format(max(round(seconds), 1))
    minutes = round(seconds / 60)
    return words["minutes"].format(minutes) if minutes < 60 else words["hours"].format(*divmod(minutes, 60))  # noqa: PLR2004  (an hour)


def _put_together(event: Event, words: dict[str, str]) -> str:
    parts = [part for part in (event.action, event.scene, words["comma"].join(event.objects or [])) if part]
    return words["comma"].join(parts)


def _measured(event: Event, language: str) -> str:
    words = _words(language)
    said = words["recorded_only"]
    if event.duration:
        said = words["recorded"].format(length=length_in_words(event.duration, language))
    measured = measured_in_words(event.facts, language)
    return said + (words["brackets"].format(measured) if measured else "")


def _words(language: str) -> dict[str, str]:
    match script_of_language(language):
        case "Hant":
            return _TRADITIONAL
        case "Hans":
            return _SIMPLIFIED
        case None:
            return _ENGLISH
