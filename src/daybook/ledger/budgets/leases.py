"""Leases in PostgreSQL: every change is one atomic statement under the lock of the budget's period.

A process takes slices and returns surplus; both change `granted`, which no other process writes. So the `granted` of a
later response also reports the outcome of a statement whose response was lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from daybook.kit import failpoints

SHARE = 16
"""Beyond the need of waiting calls, a slice is at most this part of what is left. So slices shrink near the limit to
exactly the need, and no process holds what others need.
"""

Connection = asyncpg.Connection | Any  # or one that a pool lends


@dataclass(frozen=True, slots=True)
class Slice:
    """A leased slice. `used`, `held` and `limit` are those before it."""

    amount: Decimal
    active: bool
    used: Decimal
    held: Decimal
    limit: Decimal
    lease_id: int | None
    """None if this owner has no lease."""
    granted: Decimal
    """The total granted to this owner of this period, minus what it returned."""

    @property
    def left(self) -> Decimal:
        """Neither used nor leased before this slice."""
        return max(self.limit - self.used - self.held, Decimal(0))


async def take_slice(
    connection: Connection,
    owner: str,
    budget_id: int,
    start: date,
    *,
    exact: Decimal,
    ahead: Decimal,
    places: int,
) -> Slice:
    """Lease `exact`, and up to `ahead` more with `places` decimal places; nothing if `exact` does not fit."""
    failpoints.point("budget.lease.before")
    row = await connection.fetchrow(_TAKE, owner, budget_id, start, exact, ahead, places)
    if row is None:
        await connection.execute(_NEW_PERIOD, budget_id, start)
        row = await connection.fetchrow(_TAKE, owner, budget_id, start, exact, ahead, places)
    failpoints.point("budget.lease.after")
    if row is None:
        raise LookupError(f"There is no budget {budget_id}.")
    return Slice(*row)


@dataclass(frozen=True, slots=True)
class Surplus:
    """An amount of one lease that its owner returns."""

    budget_id: int
    start: date
    amount: Decimal


async def give_back(
    connection: Connection, owner: str, surplus: Sequence[Surplus]
) -> dict[tuple[int, date], Decimal]:
    """Return surplus of any number of leases to their budgets. Returns the new `granted` of each."""
    failpoints.point("budget.give_back.before")
    async with connection.transaction():
        keys = ([one.budget_id for one in surplus], [one.start for one in surplus])
        await connection.execute(_LOCK_PERIODS, *keys)
        rows = await connection.fetch(_GIVE_BACK, owner, *keys, [one.amount for one in surplus])
    failpoints.point("budget.give_back.after")
    return {(row[0], row[1]): row[2] for row in rows}


async def release(connection: Connection, owner: str) -> int:
    """Release every lease of `owner`, in a transaction of its own or in the caller's.

    Call only for a dead owner whose calls are settled. A live owner detects the loss and takes a new lease.
    """
    async with connection.transaction():
        keys = await connection.fetch(_LEASED_PERIODS, owner)
        await connection.execute(_LOCK_PERIODS, [row[0] for row in keys], [row[1] for row in keys])
        released = await connection.fetch(_RELEASE, owner)
        await connection.execute("DELETE FROM budget_owners WHERE owner = $1", owner)
    return len(released)


# A granted slice counts as spent: force synchronous_commit. The lock comes first, so the result is current.
# `granted` is returned even if nothing is granted: it makes up for a lost response.
_TAKE = f"""
WITH locked AS (
    SELECT b.active, p.used, p.held, b."limit", set_config('synchronous_commit', 'on', true)
    FROM budget_periods p JOIN budgets b ON b.id = p.budget_id
    WHERE p.budget_id = $2 AND p.period_start = $3
    FOR NO KEY UPDATE OF p
), slice AS (
    SELECT *, CASE
        WHEN active AND used + held + $4 <= "limit"
        THEN $4 + trunc(LEAST($5, ("limit" - used - held - $4) / {SHARE}), $6)
        ELSE 0::numeric END AS amount
    FROM locked
), period AS (
    UPDATE budget_periods p SET held = p.held + slice.amount FROM slice
    WHERE p.budget_id = $2 AND p.period_start = $3 AND slice.amount > 0
), lease AS (
    INSERT INTO budget_leases AS l (owner, budget_id, period_start, granted)
    SELECT $1, $2, $3, amount FROM slice WHERE amount > 0
    ON CONFLICT (owner, budget_id, period_start) DO UPDATE SET granted = l.granted + excluded.granted
    RETURNING l.id, l.granted
), found AS (
    SELECT id, granted FROM lease
    UNION ALL
    SELECT l.id, l.granted FROM budget_leases l, slice
    WHERE slice.amount = 0 AND l.owner = $1 AND l.budget_id = $2 AND l.period_start = $3
)
SELECT slice.amount, slice.active, slice.used, slice.held, slice."limit", found.id, coalesce(found.granted, 0)
FROM slice LEFT JOIN found ON true
"""  # noqa: S608  (our own number)

_NEW_PERIOD = (
    "INSERT INTO budget_periods (budget_id, period_start) VALUES ($1, $2) "
    "ON CONFLICT (budget_id, period_start) DO NOTHING"
)

_LOCK_PERIODS = """
SELECT 1 FROM budget_periods p
WHERE (p.budget_id, p.period_start) IN (SELECT * FROM unnest($1::integer[], $2::date[]))
ORDER BY p.budget_id, p.period_start FOR NO KEY UPDATE
"""

# Not more than is outstanding, whatever the process believes.
_GIVE_BACK = """
WITH surplus AS (
    SELECT l.id, l.budget_id, l.period_start, LEAST(s.amount, l.granted - l.settled) AS amount
    FROM unnest($2::integer[], $3::date[], $4::numeric[]) AS s (budget_id, period_start, amount)
    JOIN budget_leases l ON l.owner = $1 AND l.budget_id = s.budget_id AND l.period_start = s.period_start
), period AS (
    UPDATE budget_periods p SET held = p.held - s.amount FROM surplus s
    WHERE p.budget_id = s.budget_id AND p.period_start = s.period_start
)
UPDATE budget_leases l SET granted = l.granted - s.amount FROM surplus s WHERE l.id = s.id
RETURNING l.budget_id, l.period_start, l.granted
"""

_LEASED_PERIODS = "SELECT budget_id, period_start FROM budget_leases WHERE owner = $1"

_RELEASE = """
WITH gone AS (
    DELETE FROM budget_leases WHERE owner = $1 RETURNING budget_id, period_start, granted - settled AS amount
)
UPDATE budget_periods p SET held = p.held - g.amount FROM gone g
WHERE p.budget_id = g.budget_id AND p.period_start = g.period_start
RETURNING p.budget_id
"""
