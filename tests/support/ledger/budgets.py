"""Budgets for tests: made, settled as a shipper does, and looked at as a reader does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from daybook.db.engine import asyncpg_dsn
from daybook.ledger.budgets.holds import Hold, parts_of_json
from daybook.ledger.budgets.keeper import BudgetKeeper
from daybook.ledger.budgets.leases import release
from daybook.ledger.budgets.settling import (
    Settlement,
    SoftBudgetReached,
    expected_held,
    expected_use,
    settle,
)


@dataclass(frozen=True)
class AtMost:
    """The most that a call can take."""

    tokens: int
    money: Decimal | None


def bound(tokens: int, money: str | None = "0") -> AtMost:
    """A bound in plain numbers."""
    return AtMost(tokens, None if money is None else Decimal(money))


async def add_budget(
    connection: asyncpg.Connection | asyncpg.Pool,
    subject: str,
    subject_id: int,
    limit: Any,
    *,
    unit: str = "tokens",
    period: str = "day",
    hard: bool = True,
) -> int:
    """Add a budget; return its id."""
    return await connection.fetchval(
        'INSERT INTO budgets (subject, subject_id, period, unit, "limit", hard) '
        "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        subject,
        subject_id,
        period,
        unit,
        Decimal(limit),
        hard,
    )


async def period_of(
    connection: asyncpg.Connection | asyncpg.Pool, budget: int, start: date | None = None
) -> tuple[Decimal, Decimal, Decimal] | None:
    """Used, held and overrun of a period (default: the only one); None if nothing was leased of it."""
    row = await connection.fetchrow(
        "SELECT used, held, overrun FROM budget_periods "
        "WHERE budget_id = $1 AND ($2::date IS NULL OR period_start = $2)",
        budget,
        start,
    )
    return row and tuple(row)


class Ledger:
    """The budgets of one database."""

    def __init__(self, dsn: str, connection: asyncpg.Connection) -> None:
        self.dsn = dsn
        self.connection = connection
        self.keepers: list[BudgetKeeper] = []
        self.clock = lambda: datetime.now(UTC)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["Ledger"]:
        dsn = asyncpg_dsn(url)
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "the test"})
        ledger = cls(dsn, connection)
        try:
            yield ledger
        finally:
            for keeper in ledger.keepers:
                await keeper.close()
            await connection.close()

    async def budget(self, subject: str, subject_id: int, limit: Any, **terms: Any) -> int:
        return await add_budget(self.connection, subject, subject_id, limit, **terms)

    async def change(self, budget: int, *, limit: Any = None, active: bool = True) -> None:
        await self.connection.execute(
            'UPDATE budgets SET "limit" = coalesce($2, "limit"), active = $3, updated_at = now() WHERE id = $1',
            budget,
            None if limit is None else Decimal(limit),
            active,
        )

    async def keeper(self, owner: str | None = None) -> BudgetKeeper:
        keeper = BudgetKeeper(self.dsn, owner or str(uuid4()), clock=self.clock)
        self.keepers.append(keeper)
        await keeper.start()
        return keeper

    async def abandon(self, keeper: BudgetKeeper) -> None:
        """Leave a keeper as a killed process leaves it."""
        self.keepers.remove(keeper)
        keeper._closing.set()
        keeper._pool.terminate()
        await keeper._pulse

    async def end(
        self, keeper: BudgetKeeper, hold: Hold, *, tokens: int, cost: str = "0"
    ) -> list[SoftBudgetReached]:
        """End a call: its record, then what it did not take, then its settlement."""
        hold.take(tokens, Decimal(cost))
        record = hold.as_json()
        hold.close()
        return await self.settle(keeper.owner, record, tokens=tokens, cost=cost)

    async def settle(
        self, owner: str, record: list[Any], *, tokens: int, cost: str = "0", call_id: UUID | None = None
    ) -> list[SoftBudgetReached]:
        """Settle a call from its journal, in one transaction with its line."""
        one = Settlement(call_id or uuid4(), owner, parts_of_json(record), tokens, Decimal(cost))
        async with self.connection.transaction():
            await self.connection.execute(
                "INSERT INTO llm_tracker_usage (id, model, prompt_tokens, total_tokens, cost) "
                "VALUES ($1, 'm', $2, $2, $3) ON CONFLICT DO NOTHING",
                one.call_id,
                tokens,
                Decimal(cost),
            )
            return await settle(self.connection, [one])

    async def release(self, owner: str) -> int:
        return await release(self.connection, owner)

    async def period(self, budget: int, start: date | None = None) -> tuple[Decimal, Decimal, Decimal]:
        """Used, held and overrun of a period (default: the only one)."""
        found = await period_of(self.connection, budget, start)
        assert found is not None
        return found

    async def differences(self) -> list[Any]:
        """Periods that do not say what lines and leases do."""
        use, held = await expected_use(self.connection), await expected_held(self.connection)
        rows = await self.connection.fetch("SELECT budget_id, period_start, used, held FROM budget_periods")
        told = {(row[0], row[1]): (row[2], row[3]) for row in rows}
        return [(key, told[key], (use[key], held[key])) for key in told if told[key] != (use[key], held[key])]

    @asynccontextmanager
    async def killing_connections(self, pause: float) -> AsyncIterator[None]:
        """Meanwhile, end every connection but the test's own again and again, whatever it is doing."""
        killer = await asyncpg.connect(self.dsn, server_settings={"application_name": "the test"})

        async def kill() -> None:
            while True:
                await killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name <> 'the test'"
                )
                await asyncio.sleep(pause)

        task = asyncio.create_task(kill())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await killer.close()
