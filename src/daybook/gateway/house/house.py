"""The house of one process."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.errors import Refusal
from daybook.gateway.house.asks import Answer, Ask, Choice, Model, Purpose
from daybook.gateway.house.choices import choose
from daybook.gateway.house.costs import costs_of
from daybook.gateway.house.making import exchange_of, make
from daybook.gateway.house.memory import Memory
from daybook.gateway.house.past import Place
from daybook.gateway.house.refusals import error_of
from daybook.gateway.house.steps import Attempt, Steps
from daybook.gateway.means import Means, open_means
from daybook.settings import Settings
from llm_tracker.ids import uuid7


class House:
    """Asks models on behalf of Daybook itself, with the means of this process."""

    def __init__(self, means: Means, database: Database, settings: Settings) -> None:
        self._means = means
        self._database = database
        self._settings = settings
        self._memory = Memory()
        here = Place.here(settings.data / "journal", means.books.id)
        self._steps = Steps(database, self._memory, here)

    async def call(self, ask: Ask, *, step: tuple[UUID, str] | None = None) -> Answer:
        """The answer to `ask`: one line in the book, one call log, budgets of the user held and settled.

        `step` is a job's id and the name of one of its steps (up to 120 characters): if the step's answer is there
        already, or in the book, it is given again and nothing is paid.

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
            return await make(self._means, exchange)
        finally:
            self._memory.end(exchange, self._means.catalogue.prices)

    async def model_for(self, purpose: Purpose, user_settings: Mapping[str, Any] | None) -> Model | None:
        """The model for `purpose`; `choice` tells why as well."""
        return (await self.choice(purpose, user_settings)).model

    async def choice(self, purpose: Purpose, user_settings: Mapping[str, Any] | None) -> Choice:
        """The person's own wish (`settings["models"][purpose]`), else the setting of this server, else for diaries the
        demo model. A model that no enabled configuration has is passed over, and the reason says so.

        Raises `Unavailable` while the database is away and was never read.
        """
        try:
            providers = await self._means.catalogue.providers()
        except Refusal as refusal:
            raise error_of(refusal) from None
        return choose(providers, self._settings, purpose, user_settings)

    async def costs(self, job_id: UUID) -> tuple[int, Decimal | None]:
        """The tokens and the cost (USD; None where a price is unknown) of all calls that the job's steps made."""
        return await costs_of(self._database, self._memory, job_id)


@asynccontextmanager
async def open_house(settings: Settings, database: Database, database_url: str) -> AsyncGenerator[House]:
    """A house with a journal, budgets and connections of its own, for the worker or a command. Its calls are in its
    journal when the block ends; `daybook ship` brings them on.
    """
    async with open_means(settings, database, database_url, takes_callers=False) as means:
        yield House(means, database, settings)
