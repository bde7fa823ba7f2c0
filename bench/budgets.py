"""What a hard budget adds to a call: holds from a lease, beside one row update per call, on one budget.

    .venv/bin/python bench/budgets.py             # about a minute, on a quiet machine
    .venv/bin/python bench/budgets.py --quick     # to see that it works; not to be quoted

An embedded PostgreSQL that syncs to disk, one process, callers at once as said in the table. A call holds 4,096 tokens
and takes 200, and lasts as long as said. With leases, a shipper in the same process settles the calls meanwhile. The
peer does what gateways without leases do: an atomic, durable `UPDATE` before the call and one after it. Times are those
that a call waits before it is sent. In the end `used` must be what the calls took, to the token.
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import asyncpg
import uvloop

from daybook.db.embedded import EmbeddedServer
from daybook.db.engine import asyncpg_dsn
from daybook.db.migrate import upgrade_async
from daybook.gateway.apis.bounds import Bound
from daybook.ledger.budgets.holds import HoldPart
from daybook.ledger.budgets.keeper import BudgetKeeper
from daybook.ledger.budgets.settling import Settlement, settle
from daybook.ledger.budgets.terms import Subjects
from llm_tracker.ids import uuid7

MOST, TAKEN = Bound(96, 4000), 200
LIMIT = Decimal(10) ** 12
BATCH = 500


@dataclass(frozen=True)
class Round:
    """What one round showed: seconds that calls waited, and calls per second."""

    waits: list[float]
    rate: float

    def at(self, percent: float) -> float:
        """The percentile of the waits, in milliseconds."""
        ordered = sorted(self.waits)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] * 1000


async def load(callers: int, seconds: float, call: Callable[[], Awaitable[float]]) -> Round:
    """Let `callers` make one call after the other."""
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while time.perf_counter() < end:
            waits.append(await call())

    await asyncio.gather(*(caller() for _ in range(callers)))
    return Round(waits, len(waits) / seconds)


class Leases:
    """Daybook's way."""

    def __init__(self, dsn: str, subjects: Subjects, lasts: float) -> None:
        self.keeper = BudgetKeeper(dsn, str(uuid7()))
        self.dsn, self.subjects, self.lasts = dsn, subjects, lasts
        self.ended: deque[tuple[HoldPart, ...]] = deque()
        self.over = False

    async def call(self) -> float:
        """One call; the seconds that it waited."""
        started = time.perf_counter()
        hold = await self.keeper.hold(self.subjects, MOST)
        waited = time.perf_counter() - started
        await asyncio.sleep(self.lasts)
        hold.take(TAKEN, None)
        self.ended.append(hold.parts)
        hold.close()
        return waited

    async def ship(self) -> None:
        """Settle the calls that have ended, in batches."""
        connection = await asyncpg.connect(self.dsn)
        while self.ended or not self.over:
            batch = [self.ended.popleft() for _ in range(min(len(self.ended), BATCH))]
            if batch:
                calls = [Settlement(uuid7(), self.keeper.owner, parts, TAKEN, None) for parts in batch]
                async with connection.transaction():
                    await settle(connection, calls)
            await asyncio.sleep(0.02)
        await connection.close()

    async def measure(self, callers: int, seconds: float) -> Round:
        """One round, after a second of warming up."""
        await self.keeper.start()
        shipping = asyncio.create_task(self.ship())
        await load(callers, min(1.0, seconds), self.call)
        result = await load(callers, seconds, self.call)
        self.over = True
        await shipping
        await self.keeper.close()
        return result


class Updates:
    """One row update per call, and one to settle it."""

    def __init__(self, dsn: str, budget: int, lasts: float) -> None:
        self.dsn, self.budget, self.lasts = dsn, budget, lasts
        self.pool: asyncpg.Pool | None = None

    async def call(self) -> float:
        """One call; the seconds that it waited."""
        assert self.pool is not None
        started = time.perf_counter()
        held = await self.pool.fetchval(_HOLD, self.budget, MOST.tokens, LIMIT)
        waited = time.perf_counter() - started
        assert held is not None
        await asyncio.sleep(self.lasts)
        await self.pool.execute(_SETTLE, self.budget, MOST.tokens, TAKEN)
        return waited

    async def measure(self, callers: int, seconds: float) -> Round:
        """One round, after a second of warming up."""
        self.pool = await asyncpg.create_pool(self.dsn, min_size=min(callers, 64), max_size=min(callers, 64))
        await load(callers, min(1.0, seconds), self.call)
        result = await load(callers, seconds, self.call)
        await self.pool.close()
        return result


_HOLD = "UPDATE budget_periods SET held = held + $2 WHERE budget_id = $1 AND used + held + $2 <= $3 RETURNING held"
_SETTLE = "UPDATE budget_periods SET held = held - $2, used = used + $3 WHERE budget_id = $1"


async def measure(dsn: str, *, seconds: float, rounds: int) -> bool:
    """Print the table; whether everything balanced and held what the project promises."""
    connection = await asyncpg.connect(dsn)
    kept = True
    print(
        f"{'callers':>7}  {'call lasts':>10}  {'':14}{'calls/s':>9}  {'p50 ms':>8}  {'p95 ms':>8}  {'p99 ms':>8}"
    )
    for number, (callers, lasts) in enumerate(((1, 0.0), (1, 0.005), (64, 0.005), (64, 0.05)), start=1):
        found: dict[str, list[Round]] = {"leases": [], "row updates": []}
        for turn in range(rounds):
            subject = number * 1000 + turn * 2
            leased, plain = [await _budget(connection, subject + one) for one in range(2)]
            result = await Leases(dsn, Subjects(code_id=subject), lasts).measure(callers, seconds)
            found["leases"].append(result)
            kept = await _balances(connection, leased) and kept
            await connection.execute(
                "INSERT INTO budget_periods (budget_id, period_start) VALUES ($1, current_date)", plain
            )
            found["row updates"].append(await Updates(dsn, plain, lasts).measure(callers, seconds))
        for name, results in found.items():
            values = [statistics.median(one.at(percent) for one in results) for percent in (50, 95, 99)]
            rate = statistics.median(one.rate for one in results)
            times = "".join(f"  {value:8.3f}" for value in values)
            print(f"{callers:7}  {lasts * 1000:7.0f} ms  {name:14}{rate:9,.0f}{times}")
            if name == "leases" and values[0] > 1:
                print("        more than 1 ms at the median")
                kept = False
    await connection.close()
    return kept


async def _budget(connection: asyncpg.Connection, subject: int) -> int:
    return await connection.fetchval(
        'INSERT INTO budgets (subject, subject_id, period, unit, "limit") '
        "VALUES ('code', $1, 'day', 'tokens', $2) RETURNING id",
        subject,
        LIMIT,
    )


async def _balances(connection: asyncpg.Connection, budget: int) -> bool:
    row = await connection.fetchrow(
        "SELECT sum(p.used), sum(p.held), (SELECT sum(used) FROM budget_settlements s WHERE s.budget_id = $1) "
        "FROM budget_periods p WHERE budget_id = $1",
        budget,
    )
    if row is None or row[0] != row[2] or row[1] != 0:
        print(f"Budget {budget} does not balance: {row}")
        return False
    return True


def main() -> int:
    """Measure; 0 when it balances and adds at most a millisecond at the median."""
    parser = argparse.ArgumentParser(description="What a hard budget adds to a call.")
    parser.add_argument("--quick", action="store_true", help="short rounds, not to be quoted")
    quick = parser.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    folder.chmod(0o711)  # as root, the server runs as another user, who must get in
    server = EmbeddedServer(folder)
    try:
        server.start()
        dsn = asyncpg_dsn(server.url())
        uvloop.run(upgrade_async(server.url()))
        kept = uvloop.run(measure(dsn, seconds=0.5 if quick else 3, rounds=1 if quick else 3))
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
