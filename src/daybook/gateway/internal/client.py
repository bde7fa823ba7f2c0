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
from daybook.gateway.internal.execution import exchange_of, execute
from daybook.gateway.internal.job_steps import JobSteps, StepAttempt
from daybook.gateway.internal.model_choice import choose
from daybook.gateway.internal.recent_calls import RecentCalls
from daybook.gateway.internal.recovery import JournalLocation
from daybook.gateway.internal.requests import InternalRequest, InternalResponse, ModelChoice, Purpose
from daybook.settings import Settings
from llm_tracker.ids import uuid7


class InternalClient:
    """Calls models on behalf of Daybook itself, with the gateway resources of this process."""

    def __init__(self, resources: GatewayResources, database: Database, settings: Settings) -> None:
        self._resources = resources
        self._database = database
        self._settings = settings
        self._recent_calls = RecentCalls()
        here = JournalLocation.here(settings.data / "journal", resources.recorder.id)
        self._steps = JobSteps(database, self._recent_calls, here)

    async def call(
        self, request: InternalRequest, *, step: tuple[UUID, str] | None = None
    ) -> InternalResponse:
        """Make a call: one line in the ledger, one call log, the user's budgets held and settled.

        `step` is a job's id and the name of one of its steps (up to 120 characters). If the step already has an answer,
        or the ledger has it, that is returned and nothing is paid.

        Raises `Limited` (a budget is reached, or the provider asks to wait), `Upstream` (the provider failed),
        `Unavailable` (no provider, an unreadable key, a full journal, no database), `NotFound` (no provider has the
        model), `Forbidden` (a budget in money, but no price). `is_lasting` is True for errors that no retry mends.
        """
        if step is None:
            return await self._make(request, uuid7(), {})
        job_id, name = step

        async def make_attempt(attempt: StepAttempt) -> InternalResponse:
            metadata = {"source_task_id": str(job_id), "node_name": name, "attempt": attempt.number}
            return await self._make(request, attempt.call_id, metadata)

        return await self._steps.once(job_id, name, make_attempt)

    async def _make(
        self, request: InternalRequest, call_id: UUID, metadata: dict[str, Any]
    ) -> InternalResponse:
        exchange = exchange_of(request, call_id, metadata)
        self._recent_calls.begin(call_id)
        try:
            return await execute(self._resources, exchange)
        finally:
            self._recent_calls.end(exchange, self._resources.catalogue.prices)

    async def choice(self, purpose: Purpose, user_settings: Mapping[str, Any] | None) -> ModelChoice:
        """Return the user's choice (`settings["models"][purpose]`), else the server's setting, else the demo model for
        diaries. A model that no enabled configuration has is passed over, and the reason says so.

        Raises `Unavailable` if the configurations were never read and the database is unavailable.
        """
        try:
            providers = await self._resources.catalogue.configs()
        except Refusal as refusal:
            raise error_of(refusal) from None
        return choose(providers, self._settings, purpose, user_settings)

    async def costs(self, job_id: UUID) -> tuple[int, Decimal | None]:
        """Return tokens and cost (USD; None if a price is unknown) of all calls of the job's steps."""
        return await costs_of(self._database, self._recent_calls, job_id)


@asynccontextmanager
async def open_internal_client(
    settings: Settings, database: Database, database_url: str
) -> AsyncGenerator[InternalClient]:
    """Open an internal client with its own journal, budgets and connections, for a worker or a command. All its calls
    are in its journal when the block ends; `daybook ship` moves them to the ledger.
    """
    async with open_resources(settings, database, database_url, takes_callers=False) as resources:
        yield InternalClient(resources, database, settings)
