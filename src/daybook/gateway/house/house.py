"""The house of one process."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.house.asks import Answer, Ask, Choice, Model, Purpose
from daybook.settings import Settings


class House:
    """Asks models on behalf of Daybook itself."""

    async def call(self, ask: Ask, *, step: tuple[UUID, str] | None = None) -> Answer:
        """The answer to `ask`: one line in the book, one call log, budgets of the user held and settled.

        `step` is a job's id and the name of one of its steps: if the step's answer is there already, or in the book,
        it is given again and nothing is paid.

        Raises `Limited` (a budget: what limit, used how much, when it resets), `Upstream` (the provider), `Unavailable`
        (no provider, an unreadable key, no room in the journal, the database away), `NotFound` (nobody has the model),
        `Forbidden` (a budget in money and no known price); each with its code.
        """
        raise NotImplementedError

    async def model_for(self, purpose: Purpose, user_settings: Mapping[str, Any] | None) -> Model | None:
        """The model for `purpose`; `choice` tells why as well."""
        return (await self.choice(purpose, user_settings)).model

    async def choice(self, purpose: Purpose, user_settings: Mapping[str, Any] | None) -> Choice:
        """The person's own wish (`settings["models"][purpose]`), else the setting of this server, else for diaries the
        demo model. A model that no enabled configuration has is passed over, and the reason says so.
        """
        raise NotImplementedError

    async def costs(self, job_id: UUID) -> tuple[int, Decimal | None]:
        """The tokens and the cost (USD; None where a price is unknown) of all calls that the job's steps made."""
        raise NotImplementedError


@asynccontextmanager
async def open_house(settings: Settings, database: Database, database_url: str) -> AsyncGenerator[House]:
    """A house with a journal, budgets and connections of its own, for the worker or a command."""
    raise NotImplementedError
    yield House()
