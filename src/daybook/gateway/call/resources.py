"""Process-wide resources of the gateway: journal, budgets, connection pool, configurations.

Created once per process: by a server for the gateway, by a worker for internal calls.
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
from daybook.redaction import Redact
from daybook.settings import Settings


@dataclass(frozen=True, slots=True)
class GatewayResources:
    """The resources that all calls of a process share."""

    pool: Pool
    catalogue: Catalogue
    recorder: Recorder
    rates: RateKeeper
    budgets: BudgetKeeper
    idempotency: IdempotencyStore
    max_body: int
    answer_tokens: int
    """Maximum of an answer, set in a request under a hard budget that names none."""


@asynccontextmanager
async def open_resources(
    settings: Settings, database: Database, database_url: str, *, takes_callers: bool
) -> AsyncGenerator[GatewayResources]:
    """Open the resources of this process. All its calls are in its journal when the block ends.

    `takes_callers`: it answers calls with activation codes, so limits per minute concern it.
    """
    pool, redact = Pool(), Redact(settings.redact)
    journal = Journal(settings.data / "journal", sync=settings.journal_sync, limit=settings.journal_limit)
    budgets = BudgetKeeper(asyncpg_dsn(database_url), journal.id, takes_callers=takes_callers)
    rates = RateKeeper(asyncpg_dsn(database_url), journal.id)
    await budgets.start()
    if takes_callers:
        await rates.start()
    async with Recorder(journal, redact).running() as recorder:
        try:
            yield GatewayResources(
                pool=pool,
                catalogue=Catalogue(database, Vault.of(settings)),
                recorder=recorder,
                rates=rates,
                budgets=budgets,
                idempotency=IdempotencyStore(database, redact),
                max_body=settings.max_body,
                answer_tokens=settings.answer_tokens,
            )
        finally:
            pool.close()
            await rates.close()
            await budgets.close()
