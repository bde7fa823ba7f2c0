"""The days and months of budgets, in UTC."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

Period = Literal["day", "month"]


def period_start(period: Period, moment: datetime) -> date:
    """The first day of the period that holds `moment`."""
    day = moment.astimezone(UTC).date()
    return day if period == "day" else day.replace(day=1)


def starts_at(start: date) -> datetime:
    """The moment at which a period begins."""
    return datetime(start.year, start.month, start.day, tzinfo=UTC)


def resets_at(period: Period, start: date) -> datetime:
    """The moment at which the period ends and the next one begins with nothing used."""
    if period == "day":
        return starts_at(start) + timedelta(days=1)
    return starts_at((start + timedelta(days=32)).replace(day=1))
