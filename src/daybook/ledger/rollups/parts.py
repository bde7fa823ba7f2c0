"""The parts of a time range and the table that each is read from.

One user's calls are in `ledger_hours` and `ledger_days`. Those of all users are in `ledger_cube_*`, by model, source
and group, and in `ledger_dimension_*`, by model and source or by group and source: fewer rows. The parts of an hour at
the ends of a range are in the lines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Subquery,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from daybook.ledger.models import Line
from daybook.ledger.rollups.models import (
    DURATIONS,
    CubeDayTotals,
    CubeHourTotals,
    DayTotals,
    DimensionDayTotals,
    DimensionHourTotals,
    HourTotals,
)
from daybook.ledger.rollups.ranges import Rolled, ranges
from llm_tracker.arguments import DateRange
from llm_tracker.models import UTCDateTime
from llm_tracker.queries import start_of

Dimension = Literal["model", "group"]
Column = ColumnElement[Any] | InstrumentedAttribute[Any]
Part = Select[*tuple[Any, ...]]
"""The time, dimension and measures of a row; a row sums any number of lines."""

MEASURES = (
    "calls",
    "failures",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost",
    "unpriced_calls",
    "estimated_calls",
    "durations",
)
_ALMOST_HOUR = text("interval '59 minutes 59.999999 seconds'")
_TOOK = f"{Line.__tablename__}.duration_ms"
_DURATIONS_OF_LINE = ", ".join(
    f"({_TOOK} >= {start} AND {_TOOK} < {end})::integer"
    for start, end in pairwise((-(2**31), *DURATIONS, 2**31))
)
"""One in the place of a line's duration. It is text, as sums are: a dashboard has hundreds of them, and SQLAlchemy
would take as long over them as the database.
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter of calls; None matches all."""

    user_id: int | None = None
    model: str | None = None
    group_id: int | None = None
    source: str | None = None


def combined(dates: DateRange, wanted: Wanted, *, days: bool) -> Subquery:
    """Return rows by `model`, `group_id` and `source`. Pass `days` if no bucket is shorter than a day (UTC)."""
    entities: dict[Rolled, Any] = {"hours": CubeHourTotals, "days": CubeDayTotals}
    if wanted.user_id is not None:
        entities = {"hours": HourTotals, "days": DayTotals}

    def part(entity: Any, at: Column, measures: Sequence[Column]) -> Part:
        key = (entity.model.label("model"), entity.group_id.label("group_id"), entity.source.label("source"))
        return select(at.label("at"), *key, *measures).where(
            *(getattr(entity, name) == value for name, value in _asked(wanted))
        )

    parts = list[Part]()
    for what, start, end in ranges(dates, days=days):
        if what == "lines":
            parts.append(
                part(Line, Line.created_at, _of_lines()).where(*_within(Line.created_at, start, end))
            )
        else:
            at = _start(what, entities[what])
            parts.append(part(entities[what], at, _of(entities[what])).where(*_within(at, start, end)))
    return union_all(*parts).subquery("parts")


def _asked(wanted: Wanted) -> Iterator[tuple[str, Any]]:
    for name in ("user_id", "model", "group_id", "source"):
        if (value := getattr(wanted, name)) is not None:
            yield name, value


def single(dates: DateRange, wanted: Wanted, dimensions: Sequence[Dimension], *, days: bool) -> Subquery:
    """Return rows by `value` of a `dimension` and by `source`; each call is in one row of each dimension.

    For all users. A filter by model needs models as the only dimension, one by group needs groups.
    """
    asked = {"model": wanted.model, "group": wanted.group_id}
    of_line: dict[Dimension, Column] = {
        "model": Line.model,
        "group": func.coalesce(cast(Line.group_id, String), ""),
    }
    entities: dict[Rolled, Any] = {"hours": DimensionHourTotals, "days": DimensionDayTotals}

    def part(entity: Any, at: Column, dimension: Column, value: Column, measures: Sequence[Column]) -> Part:
        columns = (at.label("at"), dimension.label("dimension"), value.label("value"))
        query = select(*columns, entity.source.label("source"), *measures)
        (one, *more) = dimensions
        if not more and asked[one] is not None:
            query = query.where(value == str(asked[one]))
        return query if wanted.source is None else query.where(entity.source == wanted.source)

    parts = list[Part]()
    for what, start, end in ranges(dates, days=days):
        if what == "lines":
            at, within = Line.created_at, _within(Line.created_at, start, end)
            for one in dimensions:
                parts.append(part(Line, at, literal(one), of_line[one], _of_lines()).where(*within))
        else:
            entity, at = entities[what], _start(what, entities[what])
            query = part(entity, at, entity.dimension, entity.value, _of(entity))
            parts.append(query.where(entity.dimension.in_(dimensions), *_within(at, start, end)))
    return union_all(*parts).subquery("parts")


def within_days_of(dates: DateRange, user_id: int | None, zone: str) -> Subquery:
    """Return rows that each lie within one day of `zone`: hours, and lines for hours in which a day begins, if the
    offset from UTC is no whole number of hours (India, Nepal, Newfoundland).
    """
    parts = list[Part]()
    for what, start, end in ranges(dates, days=False):
        if what == "lines":
            parts.append(_lines_of(user_id).where(*_within(Line.created_at, start, end)))
        else:
            parts += _hours_in_zone(start, end, user_id, zone)
    return union_all(*parts).subquery("parts")


def _lines_of(user_id: int | None) -> Part:
    query = select(Line.created_at.label("at"), *_of_lines())
    return query if user_id is None else query.where(Line.user_id == user_id)


def _hours_in_zone(
    start: datetime | None, end: datetime | None, user_id: int | None, zone: str
) -> Iterator[Part]:
    entity: Any = DimensionHourTotals if user_id is None else HourTotals
    whose = entity.dimension == "model" if user_id is None else entity.user_id == user_id
    found = select(entity.hour.label("at"), *_of(entity)).where(whose, *_within(entity.hour, start, end))
    rows = found.subquery("found")
    # An hour has a row for each model and code: summed first, so that its day is worked out once.
    hours = select(rows.c.at, *added_up(rows)).group_by(rows.c.at).cte("hours")
    day = start_of(literal("day"), hours.c.at, literal(zone))
    day_at_end = start_of(literal("day"), hours.c.at + _ALMOST_HOUR, literal(zone))
    yield select(*hours.c).where(day == day_at_end)
    divided = select(hours.c.at).where(day != day_at_end).distinct().subquery("divided")
    yield (
        _lines_of(user_id)
        .select_from(divided)
        .join(Line, (Line.created_at >= divided.c.at) & (Line.created_at <= divided.c.at + _ALMOST_HOUR))
    )


def added_up(parts: Subquery) -> list[ColumnElement[Any]]:
    """The measures of several rows as those of one."""
    return [literal_column(_sum(parts.name, name)).label(name) for name in MEASURES]


def _sum(parts: str, name: str) -> str:
    if name != "durations":
        return f"sum({parts}.{name})"
    return f"ARRAY[{', '.join(f'sum({parts}.durations[{n + 1}])' for n in range(len(DURATIONS) + 1))}]"


def _of_lines() -> list[ColumnElement[Any]]:
    measures: dict[str, ColumnElement[Any]] = {
        "calls": literal_column("1"),
        "failures": literal_column(f"(NOT {Line.__tablename__}.success)::integer"),
        "unpriced_calls": literal_column(f"({Line.__tablename__}.cost IS NULL)::integer"),
        "estimated_calls": literal_column(f"{Line.__tablename__}.is_estimated::integer"),
        "durations": literal_column(f"ARRAY[{_DURATIONS_OF_LINE}]"),
    }
    return [(measures[name] if name in measures else getattr(Line, name)).label(name) for name in MEASURES]


def _of(entity: Any) -> list[ColumnElement[Any]]:
    return [getattr(entity, name).label(name) for name in MEASURES]


def _start(what: Rolled, entity: Any) -> ColumnElement[Any]:
    return entity.day if what == "days" else entity.hour


def _within(moment: Column, start: datetime | None, end: datetime | None) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if start is not None:
        where.append(moment >= literal(start, UTCDateTime()))
    if end is not None:
        where.append(moment < literal(end, UTCDateTime()))
    return where
