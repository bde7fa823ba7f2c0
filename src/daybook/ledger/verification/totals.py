"""Checks of counters and rollups, recomputed from the lines."""

from daybook.ledger.rollups.models import DURATIONS
from daybook.ledger.verification.checks import Check, counter, unposted


def _sum_by(column: str) -> str:
    """The tokens of all lines that are in the totals, by one column."""
    return f"""
        SELECT {column} AS key, sum(total_tokens) AS tokens FROM llm_tracker_usage AS line
        WHERE {column} IS NOT NULL
            AND NOT EXISTS (SELECT FROM unnest(CAST(:unposted AS uuid[])) AS waiting (id) WHERE waiting.id = line.id)
        GROUP BY {column}
    """  # noqa: S608  (our own names)


COUNTERS = (
    counter("users.token_usage", _sum_by("user_id"), parameters=unposted),
    counter("groups.token_usage", _sum_by("group_id"), parameters=unposted),
    counter("activation_codes.token_usage", _sum_by("code"), id_column="public_id", parameters=unposted),
)

_MEASURES = {
    "calls": "count(*)",
    "failures": "count(*) FILTER (WHERE NOT success)",
    "prompt_tokens": "sum(prompt_tokens)",
    "completion_tokens": "sum(completion_tokens)",
    "total_tokens": "sum(total_tokens)",
    "cached_tokens": "sum(cached_tokens)",
    "reasoning_tokens": "sum(reasoning_tokens)",
    "cost": "coalesce(sum(cost), 0)",
    "unpriced_calls": "count(*) - count(cost)",
    "estimated_calls": "count(*) FILTER (WHERE is_estimated)",
    "assistant_replies": "sum(assistant_replies)",
    "durations": "ARRAY["
    + ", ".join(f"count(*) FILTER (WHERE place = {place})" for place in range(len(DURATIONS) + 1))
    + "]::integer[]",
}
_OF_LINES = ", ".join(f"{sql} AS {name}" for name, sql in _MEASURES.items())
_PLACED = f"""(
    SELECT *, width_bucket(duration_ms, ARRAY{list(DURATIONS)}) AS place FROM llm_tracker_usage
) AS placed"""  # noqa: S608  (our own names)


def _rollup(table: str, key: tuple[str, ...], expected: str) -> Check:
    """A check of a whole table of sums, row by row: wrong ones, missing ones and those that should not be there."""
    columns = (*key, *_MEASURES)
    key_json = ", ".join(f"'{name}', coalesce(stands.{name}, summed.{name})" for name in key)

    def row(side: str) -> str:
        """The measures of one side as JSON; money as text, to be exact."""
        values = (
            f"trim_scale({side}.cost)::text" if name == "cost" else f"{side}.{name}" for name in _MEASURES
        )
        pairs = ", ".join(f"'{name}', {value}" for name, value in zip(_MEASURES, values, strict=True))
        return f"CASE WHEN {side}.calls IS NOT NULL THEN jsonb_build_object({pairs}) END"

    def matched(first: str, second: str) -> str:
        return " AND ".join(f"{_whole(first, name)} = {_whole(second, name)}" for name in key)

    different = " OR ".join(f"stands.{name} IS DISTINCT FROM summed.{name}" for name in _MEASURES)
    query = f"""
        SELECT jsonb_build_object({key_json}) AS key, {row("stands")} AS stored, {row("summed")} AS expected
        FROM ({expected}) AS summed FULL JOIN {table} AS stands ON {matched("stands", "summed")}
        WHERE {different}
    """  # noqa: S608  (our own names)
    constraint = f"pk_{table}" if "dimension" in key else f"uq_{table}_key"
    delete = f"""
        DELETE FROM {table} AS kept
        USING (
            SELECT named.* FROM changes, jsonb_populate_record(NULL::{table}, key) AS named WHERE after IS NULL
        ) AS gone
        WHERE {matched("kept", "gone")}
    """  # noqa: S608  (our own names)
    write = f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT {", ".join(f"named.{name}" for name in columns)}
        FROM changes, jsonb_populate_record(NULL::{table}, key || after) AS named
        WHERE after IS NOT NULL
        ON CONFLICT ON CONSTRAINT {constraint}
        DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _MEASURES)}
    """  # noqa: S608  (our own names)
    return Check(table, query, (delete, write), (table,))


_ABSENT = {
    # Values that the column cannot hold, so that rows can be hashed by it if it is NULL.
    "user_id": "2147483648",
    "group_id": "2147483648",
    "code": f"'{'-' * 33}'",
    "provider": f"'{'-' * 33}'",
}


def _whole(side: str, name: str) -> str:
    """A part of a key, never NULL."""
    return f"coalesce({side}.{name}, {_ABSENT[name]})" if name in _ABSENT else f"{side}.{name}"


def _cube(table: str, unit: str) -> Check:
    key = (unit, "group_id", "model", "source")
    return _rollup(table, key, _grouped(unit, "group_id, model, source"))


def _detailed(table: str, unit: str) -> Check:
    key = (unit, "user_id", "group_id", "code", "model", "source", "provider")
    return _rollup(table, key, _grouped(unit, ", ".join(key[1:])))


def _grouped(unit: str, columns: str) -> str:
    return f"""
        SELECT {_start_of(unit)} AS {unit}, {columns}, {_OF_LINES} FROM {_PLACED} GROUP BY {unit}, {columns}
    """  # noqa: S608  (our own names)


def _dimensions(table: str, unit: str) -> Check:
    expected = f"""
        SELECT CASE WHEN grouping(model) = 0 THEN 'model' ELSE 'group' END AS dimension, {unit},
            CASE WHEN grouping(model) = 0 THEN model ELSE coalesce(group_id::text, '') END AS value, source, {_OF_LINES}
        FROM (SELECT *, {_start_of(unit)} AS {unit} FROM {_PLACED}) AS started
        GROUP BY GROUPING SETS (({unit}, model, source), ({unit}, group_id, source))
    """  # noqa: S608  (our own names)
    return _rollup(table, ("dimension", unit, "value", "source"), expected)


def _start_of(unit: str) -> str:
    return f"date_bin('1 {unit}', created_at, '2000-01-01T00:00Z')"


ROLLUPS = (
    _detailed("ledger_hours", "hour"),
    _detailed("ledger_days", "day"),
    _cube("ledger_cube_hours", "hour"),
    _cube("ledger_cube_days", "day"),
    _dimensions("ledger_dimension_hours", "hour"),
    _dimensions("ledger_dimension_days", "day"),
)
