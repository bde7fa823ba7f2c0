"""Settling: usage moves from leased to used, in the transaction that inserts the lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from daybook.kit import failpoints
from daybook.ledger.budgets.events import SoftBudgetReached, publish_reached
from daybook.ledger.budgets.holds import HoldPart
from daybook.ledger.budgets.leases import Connection


@dataclass(frozen=True, slots=True)
class Settlement:
    """A call's reservation, as its journal has it last, and the usage in its line.

    `owner` is the journal's id; None if nothing was leased. `cost` is in USD; if it is unknown, a hard budget in money
    counts the reservation.
    """

    call_id: UUID
    owner: str | None
    parts: Sequence[HoldPart]
    tokens: int
    cost: Decimal | None


async def settle(connection: Connection, settlements: Sequence[Settlement]) -> list[SoftBudgetReached]:
    """Settle calls whose lines `connection`'s transaction inserts. Call it last: it locks the budgets until the commit.
    Settled calls are skipped.

    Usage beyond the reservation counts in full, with the excess in `overrun`. A lease that an administrator released is
    not reduced. Returns the soft budgets that were reached.
    """
    rows = [
        (one.call_id, one.owner, part.budget_id, part.start, part.amount, one.tokens, one.cost)
        for one in settlements
        for part in one.parts
    ]
    if not rows:
        return []
    failpoints.point("budget.settle.before")
    settled = await connection.fetch(_RECORD, *map(list, zip(*rows, strict=True)))
    if not settled:
        return []
    used: dict[tuple[int, date], list[Decimal]] = {}
    freed: dict[tuple[str, int, date], Decimal] = {}
    owner_of = {one.call_id: one.owner for one in settlements}
    for call_id, budget_id, start, held, took, hard in settled:
        sums = used.setdefault((budget_id, start), [Decimal(0), Decimal(0)])
        sums[0] += took
        sums[1] += max(took - held, Decimal(0)) if hard else Decimal(0)
        owner = owner_of[call_id]
        if owner is not None and held:
            key = (owner, budget_id, start)
            freed[key] = freed.get(key, Decimal(0)) + held
    keys = sorted(used)
    reached = await connection.fetch(
        _USE,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [used[key][0] for key in keys],
        [used[key][1] for key in keys],
    )
    if freed:
        columns = zip(*((*key, amount) for key, amount in freed.items()), strict=True)
        await connection.execute(_FREE, *map(list, columns))
    events = [SoftBudgetReached.model_validate(dict(row)) for row in reached]
    if events:
        await connection.execute(
            _REACHED, [one.budget_id for one in events], [one.period_start for one in events]
        )
        await publish_reached(connection, events)
    failpoints.point("budget.settle.after")
    return events


async def expected_use(connection: Connection) -> dict[tuple[int, date], Decimal]:
    """Compute `used` of each budget's periods from the lines, including periods whose row is missing."""
    return {(row[0], row[1]): row[2] for row in await connection.fetch(_EXPECTED_USE)}


async def expected_overrun(connection: Connection) -> dict[tuple[int, date], Decimal]:
    """Compute `overrun` of each budget's periods from the lines."""
    return {(row[0], row[1]): row[2] for row in await connection.fetch(_EXPECTED_OVERRUN)}


async def expected_held(connection: Connection) -> dict[tuple[int, date], Decimal]:
    """Compute `held` of each budget's periods from the leases."""
    return {(row[0], row[1]): row[2] for row in await connection.fetch(_EXPECTED_HELD)}


_RECORD = """
INSERT INTO budget_settlements AS s (call_id, budget_id, period_start, held, used)
SELECT g.call_id, g.budget_id, g.period_start, g.held,
    CASE b.unit WHEN 'tokens' THEN g.tokens ELSE coalesce(g.cost, g.held) END
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::date[], $5::numeric[], $6::bigint[], $7::numeric[])
    AS g (call_id, owner, budget_id, period_start, held, tokens, cost)
JOIN budgets b ON b.id = g.budget_id
ON CONFLICT (call_id, budget_id) DO NOTHING
RETURNING call_id, budget_id, period_start, held, used,
    (SELECT b.hard FROM budgets b WHERE b.id = s.budget_id)
"""

# In the order of their keys, so that two batches wait for each other instead of deadlocking.
_USE = """
WITH added AS (
    SELECT * FROM unnest($1::integer[], $2::date[], $3::numeric[], $4::numeric[])
        AS a (budget_id, period_start, used, overrun)
    ORDER BY budget_id, period_start
), period AS (
    INSERT INTO budget_periods AS p (budget_id, period_start, used, overrun)
    SELECT budget_id, period_start, used, overrun FROM added
    ON CONFLICT (budget_id, period_start)
    DO UPDATE SET used = p.used + excluded.used, overrun = p.overrun + excluded.overrun
    RETURNING p.budget_id, p.period_start, p.used, p.reached_at
)
SELECT p.budget_id, p.period_start, b.subject, b.subject_id, b.unit, b."limit", p.used
FROM period p JOIN budgets b ON b.id = p.budget_id
WHERE NOT b.hard AND b.active AND p.reached_at IS NULL AND p.used >= b."limit"
"""

_REACHED = """
WITH reached AS (
    UPDATE budget_periods p SET reached_at = now()
    FROM unnest($1::integer[], $2::date[]) AS r (budget_id, period_start)
    WHERE p.budget_id = r.budget_id AND p.period_start = r.period_start RETURNING 1
)
SELECT pg_notify('daybook_budgets', '') FROM reached LIMIT 1
"""

# The periods are locked by now, so their leases stand still. Never more than is outstanding: a lease that was released
# and leased anew does not answer for holds from before.
_FREE = """
WITH freed AS (
    SELECT l.id, l.budget_id, l.period_start, LEAST(f.amount, l.granted - l.settled) AS amount
    FROM unnest($1::text[], $2::integer[], $3::date[], $4::numeric[]) AS f (owner, budget_id, period_start, amount)
    JOIN budget_leases l USING (owner, budget_id, period_start)
), period AS (
    UPDATE budget_periods p SET held = p.held - f.amount
    FROM (SELECT budget_id, period_start, sum(amount) AS amount FROM freed GROUP BY 1, 2) AS f
    WHERE p.budget_id = f.budget_id AND p.period_start = f.period_start
)
UPDATE budget_leases l SET settled = l.settled + f.amount FROM freed f WHERE l.id = f.id
"""

TOOK = "(CASE b.unit WHEN 'tokens' THEN l.total_tokens ELSE coalesce(l.cost, s.held) END)"
"""The usage of the line `l` of the settlement `s`, in the unit of the budget `b`."""

SETTLED = """
budget_settlements s JOIN budgets b ON b.id = s.budget_id JOIN llm_tracker_usage l ON l.id = s.call_id
"""

_EXPECTED_USE = f"""
SELECT budget_id, period_start, coalesce(p.opening, 0) + coalesce(s.used, 0)
FROM budget_periods p
FULL JOIN (SELECT s.budget_id, s.period_start, sum({TOOK}) AS used FROM {SETTLED} GROUP BY 1, 2) AS s
    USING (budget_id, period_start)
"""  # noqa: S608  (our own names)

_EXPECTED_OVERRUN = f"""
SELECT budget_id, period_start, coalesce(s.overrun, 0)
FROM budget_periods p
LEFT JOIN (
    SELECT s.budget_id, s.period_start, sum(greatest({TOOK} - s.held, 0)) AS overrun
    FROM {SETTLED} WHERE b.hard GROUP BY 1, 2
) AS s USING (budget_id, period_start)
"""  # noqa: S608  (our own names)

_EXPECTED_HELD = """
SELECT p.budget_id, p.period_start, coalesce(sum(l.granted - l.settled), 0)
FROM budget_periods p LEFT JOIN budget_leases l USING (budget_id, period_start)
GROUP BY 1, 2
"""
