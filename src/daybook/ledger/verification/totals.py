"""Checks of counters and rollups: each is computed anew from the lines."""

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
    columns = ", ".join((*key, *_MEASURES))
    key_json = ", ".join(f"'{name}', {name}" for name in key)
    measures_json = ", ".join(
        f"'{name}', trim_scale(cost)::text" if name == "cost" else f"'{name}', {name}" for name in _MEASURES
    )
    query = f"""
        WITH expected AS MATERIALIZED (SELECT {columns} FROM ({expected}) AS rows), wrong AS (
            SELECT true AS stands, * FROM (SELECT {columns} FROM {table} EXCEPT ALL SELECT * FROM expected) AS s
            UNION ALL
            SELECT false, * FROM (SELECT * FROM expected EXCEPT ALL SELECT {columns} FROM {table}) AS e
        ), told AS (
            SELECT stands, jsonb_build_object({key_json}) AS key, jsonb_build_object({measures_json}) AS row FROM wrong
        )
        SELECT key, (array_agg(row) FILTER (WHERE stands))[1] AS stored,
            (array_agg(row) FILTER (WHERE NOT stands))[1] AS expected
        FROM told GROUP BY key
    """  # noqa: S608  (our own names)
    same = " AND ".join(f"kept.{name} IS NOT DISTINCT FROM gone.{name}" for name in key)
    constraint = f"pk_{table}" if table == "ledger_periods" else f"uq_{table}_key"
    delete = f"""
        DELETE FROM {table} AS kept
        USING (
            SELECT named.* FROM changes, jsonb_populate_record(NULL::{table}, key) AS named WHERE after IS NULL
        ) AS gone
        WHERE {same}
    """  # noqa: S608  (our own names)
    write = f"""
        INSERT INTO {table} ({columns})
        SELECT {", ".join(f"named.{name}" for name in (*key, *_MEASURES))}
        FROM changes, jsonb_populate_record(NULL::{table}, key || after) AS named
        WHERE after IS NOT NULL
        ON CONFLICT ON CONSTRAINT {constraint}
        DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _MEASURES)}
    """  # noqa: S608  (our own names)
    return Check(table, query, (delete, write), (table,))


def _periods(period: str) -> str:
    return f"""
        SELECT '{period}' AS period, date_bin('1 {period}', created_at, '2000-01-01T00:00Z') AS period_start, model,
            {_OF_LINES}
        FROM {_PLACED} GROUP BY period_start, model
    """  # noqa: S608  (our own names)


def _detailed(table: str, unit: str) -> Check:
    key = (unit, "user_id", "group_id", "code", "model", "source", "provider")
    return _rollup(
        table,
        key,
        f"""
        SELECT date_bin('1 {unit}', created_at, '2000-01-01T00:00Z') AS {unit}, user_id, group_id, code, model,
            source, provider, {_OF_LINES}
        FROM {_PLACED} GROUP BY {", ".join(key)}
        """,  # noqa: S608  (our own names)
    )


ROLLUPS = (
    _detailed("ledger_hours", "hour"),
    _detailed("ledger_days", "day"),
    _rollup(
        "ledger_periods",
        ("period", "period_start", "model"),
        f"{_periods('hour')} UNION ALL {_periods('day')}",
    ),
)
