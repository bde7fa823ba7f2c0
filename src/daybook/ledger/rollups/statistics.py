"""Sums over a time range: the same numbers as from the lines, at a cost that does not grow with them.

Each function is one statement, so that lines and rollups are of the same moment (`parts.py` chooses the tables).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    String,
    Subquery,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    text,
    tuple_,
    union_all,
)

from daybook.db.engine import ReadSession
from daybook.ledger.rollups.models import DURATIONS
from daybook.ledger.rollups.parts import Wanted, added_up, combined, single, within_days_of
from llm_tracker.arguments import DateRange, Granularity
from llm_tracker.models import UTCDateTime
from llm_tracker.queries import start_of

Query = Select[*tuple[Any, ...]]

EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Overview:
    """Return the sums of a time range: in total, by dimension and over time.

    Rows are named as in `llm_tracker.queries`, with `estimated_calls` and the histogram `durations` added. In the
    lists, most tokens first, `name` is a model, the id of a group (empty if none) or a source.
    """

    summary: RowMapping
    by_model: list[RowMapping]
    by_group: list[RowMapping]
    by_source: list[RowMapping]
    series: list[RowMapping]


async def overview(
    session: ReadSession, dates: DateRange, granularity: Granularity, wanted: Wanted = EVERYTHING
) -> Overview:
    """Everything that a dashboard shows, in one statement."""
    query = union_all(_lists(dates, wanted), _times(dates, wanted, granularity)).order_by(
        text("bucket"), text("total_tokens DESC"), text("name")
    )
    rows = list((await session.execute(query)).mappings())

    def of(kind: str) -> list[RowMapping]:
        return [row for row in rows if row["kind"] == kind]

    return Overview(of("all")[0], of("model"), of("group"), of("source"), of("time"))


def _lists(dates: DateRange, wanted: Wanted) -> Query:
    """The sums by model, by group and by source. First by all that rows are of: few are then added up several times."""
    if wanted.user_id is None and wanted.model is None and wanted.group_id is None:
        fine = _fine(single(dates, wanted, ("model", "group"), days=True), "dimension", "value", "source")
        dimension, value, source = fine.c.dimension, fine.c.value, fine.c.source
        over_source = func.grouping(value) == 1
        kind, name = case((over_source, "source"), else_=dimension), case((over_source, source), else_=value)
        sets = func.grouping_sets(tuple_(dimension, value), tuple_(dimension, source))
        # Each call is in both dimensions, and of one source.
        query = _listed(kind, name, fine).group_by(sets)
        return query.having((func.grouping(value) == 0) | (dimension == "model"))
    fine = _fine(combined(dates, wanted, days=True), "model", "group_id", "source")
    model, group, source = fine.c.model, fine.c.group_id, fine.c.source
    kind = case((func.grouping(model) == 0, "model"), (func.grouping(group) == 0, "group"), else_="source")
    name = case(
        (func.grouping(model) == 0, model),
        (func.grouping(group) == 0, func.coalesce(cast(group, String), "")),
        else_=source,
    )
    return _listed(kind, name, fine).group_by(
        func.grouping_sets(tuple_(model), tuple_(group), tuple_(source))
    )


def _listed(kind: ColumnElement[Any], name: ColumnElement[Any], fine: Subquery) -> Query:
    nowhere = cast(null(), UTCDateTime())
    return select(kind.label("kind"), name.label("name"), nowhere.label("bucket"), *_sums(fine, whole=True))


def _fine(parts: Subquery, *key: str) -> Subquery:
    columns = [parts.c[name] for name in key]
    return select(*columns, *added_up(parts)).group_by(*columns).subquery("fine")


def _times(dates: DateRange, wanted: Wanted, granularity: Granularity) -> Query:
    """The sums of each hour, day or month (UTC), and those of all."""
    parts = _fewest(dates, wanted, days=granularity != "hour")
    bucket = start_of(literal(granularity), parts.c.at, literal("UTC")).label("bucket")
    dated = select(*parts.c, bucket).subquery("dated")
    bucket = dated.c.bucket
    kind = case((func.grouping(bucket) == 1, "all"), else_="time").label("kind")
    return select(kind, literal("").label("name"), bucket, *_sums(dated, whole=True)).group_by(
        func.grouping_sets(tuple_(bucket), tuple_())
    )


async def summary(session: ReadSession, dates: DateRange, user_id: int | None) -> RowMapping:
    """One row: the sums of all lines, named as in `llm_tracker.queries`."""
    parts = _fewest(dates, Wanted(user_id), days=True)
    return (await session.execute(select(*_sums(parts)).select_from(parts))).mappings().one()


async def by_model(session: ReadSession, dates: DateRange, user_id: int | None) -> list[RowMapping]:
    """One row per model, most tokens first."""
    parts = _fewest(dates, Wanted(user_id), days=True)
    return await _by(session, parts, "model", parts.c.value if user_id is None else parts.c.model)


async def by_source(session: ReadSession, dates: DateRange, user_id: int | None) -> list[RowMapping]:
    """One row per source, most tokens first."""
    parts = _fewest(dates, Wanted(user_id), days=True)
    return await _by(session, parts, "source", parts.c.source)


async def _by(session: ReadSession, parts: Subquery, name: str, key: ColumnElement[Any]) -> list[RowMapping]:
    query = select(key.label(name), *_sums(parts)).group_by(key).order_by(text("total_tokens DESC"), key)
    return list((await session.execute(query)).mappings())


async def by_day(
    session: ReadSession, dates: DateRange, user_id: int | None, timezone: str
) -> list[RowMapping]:
    """One row per day of `timezone` that has lines, ascending; `bucket` is the moment it begins."""
    if timezone == "UTC":
        return await time_series(session, dates, user_id, "day")
    return await _series(session, within_days_of(dates, user_id, timezone), "day", timezone)


async def time_series(
    session: ReadSession, dates: DateRange, user_id: int | None, granularity: Granularity
) -> list[RowMapping]:
    """One row per hour, day or month (UTC) that has lines, ascending; `bucket` is the moment it begins."""
    parts = _fewest(dates, Wanted(user_id), days=granularity != "hour")
    return await _series(session, parts, granularity, "UTC")


def _fewest(dates: DateRange, wanted: Wanted, *, days: bool) -> Subquery:
    """The fewest rows that have all calls which are wanted, each once."""
    if wanted.user_id is not None or (wanted.model is not None and wanted.group_id is not None):
        return combined(dates, wanted, days=days)
    return single(dates, wanted, ("model",) if wanted.group_id is None else ("group",), days=days)


async def _series(
    session: ReadSession, parts: Subquery, granularity: Granularity, timezone: str
) -> list[RowMapping]:
    bucket = start_of(literal(granularity), parts.c.at, literal(timezone)).label("bucket")
    query = select(bucket, *_sums(parts)).group_by("bucket").order_by("bucket")
    return list((await session.execute(query)).mappings())


def _sums(parts: Subquery, *, whole: bool = False) -> list[ColumnElement[Any]]:
    """The measures by the names that they have in `llm_tracker.queries`; with `whole`, those that it lacks too."""
    named = _SUMS | (_MORE if whole else {})
    return [literal_column(sql.replace("$", parts.name)).label(name) for name, sql in named.items()]


_SUMS = {
    "total_calls": "coalesce(sum($.calls), 0)::bigint",
    "successful_calls": "coalesce(sum($.calls - $.failures), 0)::bigint",
    "total_prompt_tokens": "coalesce(sum($.prompt_tokens), 0)::bigint",
    "total_completion_tokens": "coalesce(sum($.completion_tokens), 0)::bigint",
    "total_tokens": "coalesce(sum($.total_tokens), 0)::bigint",
    "total_cached_tokens": "coalesce(sum($.cached_tokens), 0)::bigint",
    "total_reasoning_tokens": "coalesce(sum($.reasoning_tokens), 0)::bigint",
    "cost": "CASE WHEN sum($.calls - $.unpriced_calls) > 0 THEN sum($.cost) END",
    "unpriced_calls": "coalesce(sum($.unpriced_calls), 0)::bigint",
}
_PLACES = ", ".join(f"coalesce(sum($.durations[{n + 1}]), 0)::bigint" for n in range(len(DURATIONS) + 1))
_MORE = {
    "estimated_calls": "coalesce(sum($.estimated_calls), 0)::bigint",
    "durations": f"ARRAY[{_PLACES}]",
}
