"""Checked arguments of the statistics. Each error begins with the argument's name."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from llm_tracker.errors import InvalidArgumentError

Granularity = Literal["hour", "day", "month"]
GRANULARITIES = ("hour", "day", "month")
MAX_PAGE_SIZE = 10_000
_MICROSECOND = timedelta(microseconds=1)  # the resolution of created_at in both databases
_INTEGER_MAX = 2**31 - 1
_OFFSET_MAX = 2**63 - 1
_DIGITS = re.compile(r"\s*-?[0-9]{1,19}\s*")
# Names that zoneinfo accepts and databases do not, or read differently.
_NO_ZONES = re.compile(r"localtime|Factory|posixrules|(?:posix|right)/.*")


@dataclass(frozen=True, slots=True)
class DateRange:
    """From `start` (included) to `end` (not included), aware UTC; None is open."""

    start: datetime | None = None
    end: datetime | None = None


def parse_range(start_date: Any = None, end_date: Any = None, timezone: Any = "UTC") -> DateRange:
    """Return the range of two dates.

    Each is a `datetime`, a `date`, an ISO 8601 string, or None. A moment without an offset is UTC. A date
    without a time begins at midnight in `timezone`, and as an end it includes that whole day; an end that is
    a moment is included itself.
    """
    zone = parse_timezone(timezone)
    start = _parse("start_date", start_date)
    end = _parse("end_date", end_date)
    first = None if start is None else _utc("start_date", start, zone)
    last = None if end is None else _after(end, zone)
    if first is not None and last is not None and first >= last:
        raise InvalidArgumentError(f"start_date ({start_date}) is after end_date ({end_date})")
    return DateRange(first, last)


def parse_timezone(timezone: Any) -> ZoneInfo:
    """Return the zone of an IANA name."""
    name = timezone.key if isinstance(timezone, ZoneInfo) else timezone
    if isinstance(name, str) and not _NO_ZONES.fullmatch(name):
        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(name)
    raise InvalidArgumentError(f"timezone must be an IANA name such as Asia/Taipei, not {_shown(timezone)}")


def parse_user_id(user_id: Any) -> int | None:
    """Return a user's id; None for all users."""
    if user_id is None:
        return None
    number = _whole(user_id)
    if number is None or not -_INTEGER_MAX <= number <= _INTEGER_MAX:
        raise InvalidArgumentError(f"user_id must be an integer, not {_shown(user_id)}")
    return number


def parse_granularity(granularity: Any) -> Granularity:
    """Return one of hour, day, month."""
    if not isinstance(granularity, str) or granularity not in GRANULARITIES:
        raise InvalidArgumentError(
            f"granularity must be one of {', '.join(GRANULARITIES)}, not {_shown(granularity)}"
        )
    return granularity


def parse_page(page: Any, page_size: Any) -> tuple[int, int]:
    """Return page and page size. Pages are numbered from 1."""
    if not isinstance(page_size, int) or isinstance(page_size, bool) or not 1 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidArgumentError(
            f"page_size must be an integer from 1 to {MAX_PAGE_SIZE}, not {_shown(page_size)}"
        )
    if not isinstance(page, int) or isinstance(page, bool) or not 1 <= page <= _OFFSET_MAX // page_size:
        raise InvalidArgumentError(f"page must be an integer, at least 1, not {_shown(page)}")
    return page, page_size


def as_integer(value: Any) -> int | None:
    """Return an int, or its decimal digits, as a user_id; None for any other value."""
    number = _whole(value)
    return number if number is not None and -_INTEGER_MAX <= number <= _INTEGER_MAX else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else None


def _parse(name: str, value: Any) -> date | None:
    """Return a datetime or a date (a datetime is a date too); None for None."""
    if value is None or isinstance(value, date):
        return value
    if isinstance(value, str):
        written = value.strip().replace("z", "Z")  # RFC 3339 allows both
        for read in (date.fromisoformat, datetime.fromisoformat):
            try:
                return read(written)
            except ValueError:
                continue
    raise InvalidArgumentError(
        f"{name} must be a date, a datetime or an ISO 8601 string such as 2026-01-31 or "
        f"2026-01-31T08:00:00Z, not {_shown(value)}"
    )


def _utc(name: str, value: date, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), zone)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidArgumentError(f"{name} ({value}) is outside the years 1 to 9999 in UTC") from None


def _after(end: date, zone: ZoneInfo) -> datetime | None:
    """Return the first moment after the end; None beyond the last year."""
    try:
        if not isinstance(end, datetime):
            return _utc("end_date", end + timedelta(days=1), zone)
        return _utc("end_date", end, zone) + _MICROSECOND
    except OverflowError:
        return None


def _shown(value: Any) -> str:
    return repr(value)[:60]
