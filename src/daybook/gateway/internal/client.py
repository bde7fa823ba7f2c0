"""The internal client of one process."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.call.resources import GatewayResources, open_resources
from daybook.gateway.errors import Refusal
from daybook.gateway.internal.costs import costs_of
from daybook.gateway.internal.errors import error_of
from daybook.gateway.internal.execution import exchange_of, make
from daybook.gateway.internal.job_steps import Attempt, Steps
from daybook.gateway.internal.model_choice import choose
from daybook.gateway.internal.recent_calls import Memory
from daybook.gateway.internal.recovery import Place
from daybook.gateway.internal.requests import Answer, Ask, Choice, Model, Purpose
from daybook.settings import Settings
from llm_tracker.ids import uuid7


class InternalClient:
    """Asks models on behalf of Daybook itself, with the gateway resources of this process."""

    def __init__(self, resources: GatewayResources, database: Database, settings: Settings) -> None:
        self._resources = resources
        self._database = database
        self._settings = settings
        self._memory = Memory()
        here = Place.here(settings.data / "journal", resources.recorder.id)
        self._steps = Steps(database, self._memory, here)

    async def call(self, ask: Ask, *, step: tuple[UUID, str] | None = None) -> Answer:
        """The answer to `ask`: one line in the ledger, one call log, budgets of the user held and settled.

        `step` is a job's id and the name of one of its steps (up to 120 characters): if the step's answer is there
        already, or in the ledger, it is given again and nothing is paid.

        Raises `Limited` (a budget: what limit, used how much, when it resets; or a provider that asks to wait),
        `Upstream` (the provider failed), `Unavailable` (no provider, an unreadable key, no room in the journal, the
        database away), `NotFound` (nobody has the model), `Forbidden` (a budget in money, but no price). Each has its
        code, and `is_lasting` tells those that trying again soon does not mend.
        """
        if step is None:
            return await self._make(ask, uuid7(), {})
        job_id, name = step

        async def make_attempt(attempt: Attempt) -> Answer:
            metadata = {"source_task_id": str(job_id), "node_name": name, "attempt": attempt.number}
            return await self._make(ask, attempt.call_id, metadata)

        return await self._steps.once(job_id, name, make_attempt)

    async def _make(self, ask: Ask, call_id: UUID, metadata: dict[str, Any]) -> Answer:
        exchange = exchange_of(ask, call_id, metadata)
        self._memory.begin(call_id)
        try:
            return await make(self._resources, exchange)
        finally:
            self._memory.end(exchange, self._resources.catalogue.prices)

    async def model_for(self, purpose: Purpose, user_settings: Mapping[str, Any] | None) -> Model | None:
        """The model for `purpose`; `choice` tells why as well."""
        return (await self.choice(purpose, user_settings)).model

    async def choice(self, purpose: Purpose, user_settings: Mapping[str, Any] | None) -> Choice:
        """The person's own wish (`settings["models"][purpose]`), else the setting of this server, else for diaries the
        demo model. A model that no enabled configuration has is passed over, and the reason says so.

        Raises `Unavailable` while the database is away and was never read.
        """
        try:
            providers = await self._resources.catalogue.configs()
        except Refusal as refusal:
            raise error_of(refusal) from None
        return choose(providers, self._settings, purpose, user_settings)

    async def costs(self, job_id: UUID) -> tuple[int, Decimal | None]:
        """The tokens and the cost (USD; None where a price is unknown) of all calls that the job's steps made."""
        return await costs_of(self._database, self._memory, job_id)


@asynccontextmanager
async def open_internal_client(
    settings: Settings, database: Database, database_url: str
) -> AsyncGenerator[InternalClient]:
    """An internal client with a journal, budgets and connections of its own, for the worker or a command. Its calls
    are in its journal when the block ends; `daybook ship` brings them on.
    """
    async with open_resources(settings, database, database_url, takes_callers=False) as resources:
        yield InternalClient(resources, database, settings)
