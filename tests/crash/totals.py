"""What must be so at every moment that a reader can look, storm or not."""

import asyncio

import asyncpg


async def untrue(connection: asyncpg.Connection) -> list[str]:
    """Totals that are not the sums of the lines, and hard budgets that are passed, all in one moment."""
    return [str(dict(row)) for row in await connection.fetch(_UNTRUE)]


async def unsettled(connection: asyncpg.Connection) -> list[str]:
    """What is still held when nobody holds, and budgets whose use is not the sum of their lines."""
    return [str(dict(row)) for row in await connection.fetch(_UNSETTLED)]


class Watch:
    """A reader that looks again and again, whenever the database lets it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.looks = 0
        self.seen: set[str] = set()
        """What was not true at some moment."""

    async def look(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                connection = await asyncpg.connect(self._dsn, timeout=3, command_timeout=5)
                try:
                    while not stop.is_set():
                        self.seen.update(await untrue(connection))
                        self.looks += 1
                        await asyncio.sleep(0.15)
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                await asyncio.sleep(0.1)  # it was killed


_UNTRUE = """
SELECT * FROM (
    SELECT 'user ' || id AS what, token_usage::numeric AS says,
        (SELECT coalesce(sum(total_tokens), 0) FROM llm_tracker_usage WHERE user_id = users.id) AS true
    FROM users
    UNION ALL
    SELECT 'group ' || id, token_usage,
        (SELECT coalesce(sum(total_tokens), 0) FROM llm_tracker_usage WHERE group_id = groups.id)
    FROM groups
    UNION ALL
    SELECT 'code ' || public_id, token_usage,
        (SELECT coalesce(sum(total_tokens), 0) FROM llm_tracker_usage WHERE code = activation_codes.public_id)
    FROM activation_codes
    UNION ALL
    SELECT 'hours: calls', coalesce(sum(calls), 0), (SELECT count(*) FROM llm_tracker_usage)
    FROM ledger_hours
    UNION ALL
    SELECT 'hours: tokens', coalesce(sum(total_tokens), 0),
        (SELECT coalesce(sum(total_tokens), 0) FROM llm_tracker_usage)
    FROM ledger_hours
) AS totals WHERE says <> "true"
UNION ALL
SELECT 'budget ' || b.id || ' (its limit)', p.used + p.held, b."limit"
FROM budget_periods p JOIN budgets b ON b.id = p.budget_id
WHERE b.hard AND p.used + p.held > b."limit"
"""

_UNSETTLED = """
SELECT * FROM (
    SELECT 'held of budget ' || budget_id AS what, trim_scale(held)::text AS says, '0' AS true FROM budget_periods
    UNION ALL
    SELECT 'taken beyond what was held by ' || concat_ws(', ', line.id, line.metadata -> 'caller' ->> 'key',
            line.error, line.metadata ->> 'attempts'),
        trim_scale(s.used)::text, trim_scale(s.held)::text
    FROM budget_settlements s
    JOIN budgets b ON b.id = s.budget_id JOIN llm_tracker_usage AS line ON line.id = s.call_id
    WHERE b.subject = 'code' AND s.used > s.held
    UNION ALL
    SELECT 'leases', count(*)::text, '0' FROM budget_leases
    UNION ALL
    SELECT 'open keys of repeatable calls', count(*)::text, '0' FROM idempotent_calls WHERE NOT closed
    UNION ALL
    SELECT 'use of budget ' || b.id, trim_scale(p.used)::text, (
        SELECT coalesce(sum(line.total_tokens), 0)::text
        FROM llm_tracker_usage AS line JOIN activation_codes AS code ON code.public_id = line.code
        WHERE code.id = b.subject_id
    )
    FROM budget_periods p JOIN budgets b ON b.id = p.budget_id
    WHERE b.unit = 'tokens' AND b.subject = 'code'
) AS holds WHERE says <> "true"
"""
