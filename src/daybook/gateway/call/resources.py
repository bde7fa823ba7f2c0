"""What every call of one process shares: journal, budgets, connections, catalogue. A server makes it for the gateway, a
worker for internal calls; a process has one of it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from daybook.db.engine import Database, asyncpg_dsn
from daybook.gateway.providers.catalogue import Catalogue
from daybook.gateway.providers.vault import Vault
from daybook.gateway.recording.recorder import Recorder
from daybook.gateway.upstream.pool import Pool
from daybook.ledger.budgets.keeper import BudgetKeeper
from daybook.ledger.idempotency import IdempotencyStore
from daybook.ledger.journal import Journal
from daybook.ledger.rate_limits.counters import RateKeeper
from daybook.ledger.redaction import Redact
from daybook.settings import Settings


@dataclass(frozen=True, slots=True)
class GatewayResources:
    """What every call of this process shares."""

    pool: Pool
    catalogue: Catalogue
    recorder: Recorder
    rates: RateKeeper
    budgets: BudgetKeeper
    repeats: IdempotencyStore
    max_body: int
    answer_tokens: int
    """What a call under a hard budget is given as its answer's maximum where it names none."""


@asynccontextmanager
async def open_resources(
    settings: Settings, database: Database, database_url: str, *, takes_callers: bool
) -> AsyncGenerator[GatewayResources]:
    """The gateway resources of this process. Its calls are in its journal when the block ends; a shipper brings them
    on.

    `takes_callers`: it answers those who show an activation code, so that limits per minute concern it.
    """
    pool, redact = Pool(), Redact(settings.redact)
    journal = Journal(settings.data / "journal", sync=settings.journal_sync, limit=settings.journal_limit)
    budgets = BudgetKeeper(asyncpg_dsn(database_url), journal.id, takes_callers=takes_callers)
    rates = RateKeeper(asyncpg_dsn(database_url), journal.id)
    await budgets.start()
    if takes_callers:
        await rates.start()
    async with Recorder(journal, redact).at_work() as recorder:
        try:
            yield GatewayResources(
                pool=pool,
                catalogue=Catalogue(database, Vault.of(settings)),
                recorder=recorder,
                rates=rates,
                budgets=budgets,
                repeats=IdempotencyStore(database, redact),
                max_body=settings.max_body,
                answer_tokens=settings.answer_tokens,
            )
        finally:
            pool.close()
            await rates.close()
            await budgets.close()
