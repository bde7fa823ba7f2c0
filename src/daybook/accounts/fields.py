"""Validation of names, timezones, languages, limits and settings, for the API and the command line.

Each function returns the value as it is stored, or raises `Invalid` with the field and what it accepts.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from daybook.kit.clock import now
from daybook.kit.errors import Invalid

LARGEST_LIMIT = 2**31 - 1
MOST_MODELS = 100
MOST_SETTINGS = 50
LARGEST_NUMBER = 2**53  # every JSON reader can hold it

_ACCOUNT = re.compile(r"[\w.@+-]{1,255}")
DIARY_TONES = ("plain", "warm", "humorous", "brief")
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LANGUAGE = re.compile(
    r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?((?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE,
)


def account_name(value: str) -> str:
    """The normalised name of an account: `Ana@Example.org` and `ana@example.org` are the same."""
    name = normal_account(value)
    if not _ACCOUNT.fullmatch(name):
        raise Invalid(
            "account: use 1 to 255 letters, digits or any of . _ @ + - and no spaces.", code="bad_account"
        )
    return name


def normal_account(value: str) -> str:
    """`value` as accounts are compared, valid or not."""
    return unicodedata.normalize("NFKC", value).strip().casefold()


def line(value: str, field: str, longest: int) -> str:
    """One line of text, such as a name."""
    value = unicodedata.normalize("NFC", value).strip()
    if not value:
        raise Invalid(f"{field}: must not be empty.", code="empty_field", details={"field": field})
    return _checked(value, field, longest, allowed="")


def paragraph(value: str | None, field: str, longest: int) -> str | None:
    """Text of several lines; None if it is empty."""
    value = unicodedata.normalize("NFC", value or "").strip()
    return _checked(value, field, longest, allowed="\n\r\t") or None


def timezone_name(value: str) -> str:
    """The IANA name of a timezone in its official spelling."""
    name = _timezones().get(value.strip().casefold())
    if name is None:
        raise Invalid(
            "timezone: must be an IANA name such as Asia/Taipei, Europe/Berlin or UTC.",
            code="unknown_timezone",
        )
    return name


def language_tag(value: Any) -> str:
    """A language tag (BCP 47: language, script, region, variants), spelt as the standard recommends."""
    found = _LANGUAGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Invalid(
            "language: must be a language tag such as zh-Hant, zh-Hans, en or pt-BR.", code="unknown_language"
        )
    language, script, region, variants = found.groups()
    parts = [language.lower(), script and script.title(), region and region.upper()]
    return "-".join(part for part in parts if part) + variants.lower()


def settings(current: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings after `changes`; None removes a setting. Values are plain, or groups of `_GROUPS`, of which each
    member is changed or removed by itself.
    """
    result = dict(current or {})
    for name, value in changes.items():
        if not _SETTING.fullmatch(name):
            raise Invalid(
                "settings: a name has 1 to 64 of a-z, 0-9 and _, and begins with a letter.",
                code="bad_setting",
                details={"field": "settings"},
            )
        if value is None:
            result.pop(name, None)
        elif name in _GROUPS:
            result[name] = _group(name, result.get(name), value)
            if not result[name]:
                del result[name]
        else:
            result[name] = _setting(name, value)
    if len(result) > MOST_SETTINGS:
        raise Invalid(
            f"settings: at most {MOST_SETTINGS} are allowed.",
            code="too_many_settings",
            details={"most": MOST_SETTINGS},
        )
    return result


def model_patterns(value: Sequence[str] | None) -> list[str] | None:
    """Names and patterns (`gpt-*`) of models; None for all models."""
    if value is None:
        return None
    if not value:
        raise Invalid("models: name at least one, or omit it to allow all.", code="no_models")
    if len(value) > MOST_MODELS:
        raise Invalid(
            f"models: at most {MOST_MODELS} names or patterns.",
            code="too_many_models",
            details={"most": MOST_MODELS},
        )
    return list(dict.fromkeys(line(pattern, "models", 128) for pattern in value))


def limit(value: int | None, field: str) -> int | None:
    """A limit per minute; None for no limit."""
    if value is not None and not 1 <= value <= LARGEST_LIMIT:
        raise Invalid(
            f"{field}: must be between 1 and {LARGEST_LIMIT}, or null for no limit.",
            code="out_of_range",
            details={"field": field, "least": 1, "most": LARGEST_LIMIT},
        )
    return value


def expiry(value: datetime | None) -> datetime | None:
    """A time in the future, in UTC (also if it has no timezone); None for never."""
    if value is None:
        return None
    try:
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise Invalid("expires_at: is outside the calendar.", code="impossible_time") from None
    if value <= now():
        raise Invalid("expires_at: must be in the future.", code="expires_in_past")
    return value


def _setting(name: str, value: Any) -> str | bool | float:
    if name == "language":
        return language_tag(value)
    match value:
        case str():
            return _checked(unicodedata.normalize("NFC", value), f"settings.{name}", 1000, allowed="\n\r\t")
        case bool():
            return value
        case int() | float() if abs(value) <= LARGEST_NUMBER:  # false for NaN as well
            return value
        case _:
            raise Invalid(
                f"settings.{name}: must be text, a number, true or false, or null to remove it.",
                code="bad_setting",
                details={"field": f"settings.{name}"},
            )


def _group(name: str, current: Any, changes: Any) -> dict[str, str]:
    members = _GROUPS[name]
    if not isinstance(changes, Mapping) or not changes.keys() <= members.keys():
        raise Invalid(
            f"settings.{name}: must be an object with any of {', '.join(members)}, or null.",
            code="bad_setting",
            details={"field": f"settings.{name}"},
        )
    result = dict(current) if isinstance(current, Mapping) else {}
    for member, value in changes.items():
        if value is None:
            result.pop(member, None)
        else:
            result[member] = members[member](value, f"settings.{name}.{member}")
    return result


def _tone(value: Any, field: str) -> str:
    if value not in DIARY_TONES:
        raise Invalid(
            f"{field}: must be one of {', '.join(DIARY_TONES)}.", code="bad_setting", details={"field": field}
        )
    return value


def _time_of_day(value: Any, field: str) -> str:
    if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
        raise Invalid(
            f"{field}: must be a time of day such as 21:30, or null for never.", code="bad_time_of_day"
        )
    return value


def _model(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise Invalid(
            f"{field}: must be a model's name, or null for the server's choice.",
            code="bad_setting",
            details={"field": field},
        )
    return line(value, field, 128)


_GROUPS: dict[str, dict[str, Callable[[Any, str], str]]] = {
    "diary": {"tone": _tone, "auto_refresh": _time_of_day},
    "models": {"diary": _model, "vision": _model},
}
"""Settings that are groups, and their members. Their meaning: `docs/howto/diary.md`, `docs/howto/settings.md`."""


def _checked(value: str, field: str, longest: int, *, allowed: str) -> str:
    if len(value) > longest:
        raise Invalid(
            f"{field}: at most {longest} characters.",
            code="text_too_long",
            details={"field": field, "most": longest},
        )
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed:
            raise Invalid(
                f"{field}: contains a character that is not text (U+{ord(character):04X}).",
                code="not_text",
                details={"field": field, "character": f"U+{ord(character):04X}"},
            )
    return value


@cache
def _timezones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones() if name not in {"localtime", "Factory"}}
