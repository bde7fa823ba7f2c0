"""Sums over a stretch of time: the same numbers as from the lines, at a cost that does not grow with them.

A stretch is cut where rollups begin: lines for the parts of an hour at its ends, hours up to midnight (UTC), days for
what is between. One user's sums come from `ledger_hours` and `ledger_days`, everybody's from `ledger_periods`, which
has a row per model and not one per caller. Each function is one statement, so that lines and rollups are of the same
moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    Subquery,
    case,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)

from daybook.db.engine import ReadSession
from daybook.ledger.models import Line
from daybook.ledger.rollups.models import DayTotals, HourTotals, PeriodTotals
from llm_tracker.arguments import DateRange, Granularity
from llm_tracker.models import UTCDateTime
from llm_tracker.queries import start_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)
_ALMOST_HOUR = text("interval '59 minutes 59.999999 seconds'")

_MEASURES = (
    "calls",
    "failures",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost",
    "unpriced_calls",
)

Part = Select[*tuple[Any, ...]]
"""`at`, `model` and the sums; of any number of lines in a row."""

Stretch = tuple[Literal["lines", "hours", "days"], datetime | None, datetime | None]
"""What to read, from when (included) to when (not included); None is open."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The sums of a stretch of time, altogether, by model and over time: what a dashboard shows side by side."""

    summary: RowMapping
    by_model: list[RowMapping]
    series: list[RowMapping]


async def overview(
    session: ReadSession, dates: DateRange, user_id: int | None, granularity: Granularity
) -> Overview:
    """What `summary`, `by_model` and `time_series` say, in one statement that reads the rollups once."""
    parts = _parts(dates, user_id, days=granularity != "hour")
    bucket = start_of(literal(granularity), parts.c.at, literal("UTC")).label("bucket")
    dated = select(*parts.c, bucket).subquery("dated")
    model, bucket = dated.c.model, dated.c.bucket
    query = (
        select(model, bucket, func.grouping(model, bucket).label("summed_over"), *_sums(dated))
        .group_by(func.grouping_sets(tuple_(), tuple_(model), tuple_(bucket)))
        .order_by(text("bucket"), text("total_tokens DESC"), text("model"))
    )
    rows = list((await session.execute(query)).mappings())
    whole, by_model, by_bucket = ([row for row in rows if row["summed_over"] == over] for over in (3, 1, 2))
    return Overview(whole[0], by_model, by_bucket)


async def summary(session: ReadSession, dates: DateRange, user_id: int | None) -> RowMapping:
    """One row: the sums of all lines, named as in `llm_tracker.queries`."""
    parts = _parts(dates, user_id, days=True)
    return (await session.execute(select(*_sums(parts)))).mappings().one()


async def by_model(session: ReadSession, dates: DateRange, user_id: int | None) -> list[RowMapping]:
    """One row per model, most tokens first."""
    parts = _parts(dates, user_id, days=True)
    query = (
        select(parts.c.model, *_sums(parts))
        .group_by(parts.c.model)
        .order_by(text("total_tokens DESC"), parts.c.model)
    )
    return list((await session.execute(query)).mappings())


async def by_day(
    session: ReadSession, dates: DateRange, user_id: int | None, timezone: str
) -> list[RowMapping]:
    """One row per day of `timezone` that has lines, ascending; `bucket` is the moment it begins."""
    if timezone == "UTC":
        return await time_series(session, dates, user_id, "day")
    return await _series(session, _parts(dates, user_id, days=False, zone=timezone), "day", timezone)


async def time_series(
    session: ReadSession, dates: DateRange, user_id: int | None, granularity: Granularity
) -> list[RowMapping]:
    """One row per hour, day or month (UTC) that has lines, ascending; `bucket` is the moment it begins."""
    return await _series(session, _parts(dates, user_id, days=granularity != "hour"), granularity, "UTC")


async def _series(
    session: ReadSession, parts: Subquery, granularity: Granularity, timezone: str
) -> list[RowMapping]:
    bucket = start_of(literal(granularity), parts.c.at, literal(timezone)).label("bucket")
    query = select(bucket, *_sums(parts)).group_by("bucket").order_by("bucket")
    return list((await session.execute(query)).mappings())


def _sums(parts: Subquery) -> list[ColumnElement[Any]]:
    def total(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(column), 0)

    part = parts.c
    return [
        total(part.calls).label("total_calls"),
        total(part.calls - part.failures).label("successful_calls"),
        total(part.prompt_tokens).label("total_prompt_tokens"),
        total(part.completion_tokens).label("total_completion_tokens"),
        total(part.total_tokens).label("total_tokens"),
        total(part.cached_tokens).label("total_cached_tokens"),
        total(part.reasoning_tokens).label("total_reasoning_tokens"),
        case((func.sum(part.calls - part.unpriced_calls) > 0, func.sum(part.cost))).label("cost"),
        total(part.unpriced_calls).label("unpriced_calls"),
    ]


def _parts(dates: DateRange, user_id: int | None, *, days: bool, zone: str | None = None) -> Subquery:
    """All that has to be summed. `days` may be used where no bucket is smaller than a day of UTC; of `zone`, hours
    are used that lie within one of its days.
    """
    parts: list[Part] = []
    for what, start, end in stretches(dates, days=days):
        if what == "lines":
            parts.append(_lines(start, end, user_id))
        elif zone is None:
            parts.append(_rollup(what, start, end, user_id))
        else:
            parts += _hours_in_zone(start, end, user_id, zone)
    return union_all(*parts).subquery("parts")


def stretches(dates: DateRange, *, days: bool) -> Iterator[Stretch]:
    """`dates`, cut at full hours and, with `days`, at midnights of UTC. There is always one."""
    start, end = dates.start, dates.end
    first, last = _up(start, HOUR), _down(end, HOUR)
    if first is not None and last is not None and first > last:
        yield "lines", start, end
        return
    if start != first:
        yield "lines", start, first
    if last != end:
        yield "lines", last, end
    if first is not None and first == last:
        return
    midnight, last_midnight = _up(first, DAY), _down(last, DAY)
    if not days or (midnight is not None and last_midnight is not None and midnight >= last_midnight):
        yield "hours", first, last
        return
    if first != midnight:
        yield "hours", first, midnight
    if last_midnight != last:
        yield "hours", last_midnight, last
    yield "days", midnight, last_midnight


def _down(moment: datetime | None, step: timedelta) -> datetime | None:
    if moment is None:
        return None
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step


def _up(moment: datetime | None, step: timedelta) -> datetime | None:
    below = _down(moment, step)
    if moment is None or below is None or below == moment:
        return moment
    return _LAST_MOMENT if below > _LAST_MOMENT - step else below + step


def _lines(start: datetime | None, end: datetime | None, user_id: int | None) -> Part:
    query = select(
        Line.created_at.label("at"),
        Line.model.label("model"),
        literal(1).label("calls"),
        case((Line.success, 0), else_=1).label("failures"),
        Line.prompt_tokens.label("prompt_tokens"),
        Line.completion_tokens.label("completion_tokens"),
        Line.total_tokens.label("total_tokens"),
        Line.cached_tokens.label("cached_tokens"),
        Line.reasoning_tokens.label("reasoning_tokens"),
        Line.cost.label("cost"),
        Line.cost.is_(None).cast(Integer).label("unpriced_calls"),
    )
    if user_id is not None:
        query = query.where(Line.user_id == user_id)
    return query.where(*_within(Line.created_at, start, end))


def _rollup(what: str, start: datetime | None, end: datetime | None, user_id: int | None) -> Part:
    if user_id is None:
        table, at = PeriodTotals, PeriodTotals.period_start
        whose = PeriodTotals.period == ("day" if what == "days" else "hour")
    elif what == "days":
        table, at, whose = DayTotals, DayTotals.day, DayTotals.user_id == user_id
    else:
        table, at, whose = HourTotals, HourTotals.hour, HourTotals.user_id == user_id
    measures = [getattr(table, name).label(name) for name in _MEASURES]
    return select(at.label("at"), table.model.label("model"), *measures).where(
        whose, *_within(at, start, end)
    )


def _hours_in_zone(
    start: datetime | None, end: datetime | None, user_id: int | None, zone: str
) -> Iterator[Part]:
    """The hours that lie within one day of `zone`, and the lines of those in which a day begins: where the offset from
    UTC is no whole number of hours (India, Nepal, Newfoundland).
    """
    found = _rollup("hours", start, end, user_id).subquery("found")
    sums = [func.sum(found.c[name]).label(name) for name in _MEASURES]
    # An hour has a row for each model and code: summed first, so that its day is worked out once.
    hours = select(found.c.at, literal("").label("model"), *sums).group_by(found.c.at).cte("hours")
    day = start_of(literal("day"), hours.c.at, literal(zone))
    day_at_end = start_of(literal("day"), hours.c.at + _ALMOST_HOUR, literal(zone))
    yield select(*hours.c).where(day == day_at_end)
    divided = select(hours.c.at).where(day != day_at_end).distinct().subquery("divided")
    query = _lines(None, None, user_id).select_from(divided)
    yield query.join(
        Line, (Line.created_at >= divided.c.at) & (Line.created_at <= divided.c.at + _ALMOST_HOUR)
    )


def _within(
    moment: ColumnElement[Any] | Any, start: datetime | None, end: datetime | None
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if start is not None:
        where.append(moment >= literal(start, UTCDateTime()))
    if end is not None:
        where.append(moment < literal(end, UTCDateTime()))
    return where
