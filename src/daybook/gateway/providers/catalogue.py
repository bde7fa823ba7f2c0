"""Providers, prices and models as this process knows them: read anew every second or so, while calls come."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from daybook.db.engine import Database
from daybook.gateway.apis.table import Route, leading
from daybook.gateway.errors import Refusal
from daybook.gateway.providers import service
from daybook.gateway.providers.config import ProviderConfig, matches
from daybook.gateway.providers.probe import listed_models
from daybook.gateway.providers.vault import Vault
from daybook.gateway.upstream.requests import speaks
from daybook.ledger.prices import PriceTable

log = logging.getLogger(__name__)

FRESH = 1.0
"""Seconds that a reading is used before the next is begun."""

_STALE = 2.0  # seconds after which a call waits for the next reading
_AWAY = 10.0  # seconds after which a database that does not answer counts as away
_LISTED = 300.0  # seconds that a provider's own list of models is remembered
_UNLISTED = 10.0  # seconds after which a provider that gave none is asked again
_PATIENCE = 5.0  # seconds to wait for it


class Catalogue:
    """What can be called here, and for how much."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._providers: Sequence[ProviderConfig] = ()
        self._read_at: float | None = None
        self._reading: asyncio.Task[None] | None = None
        self._listed: dict[tuple[int, str], tuple[float, asyncio.Task[Sequence[str] | None]]] = {}
        self.prices = PriceTable()

    async def providers(self) -> Sequence[ProviderConfig]:
        """The enabled providers, in order of priority. While the database is away, those last read.

        Raises `Refusal` (503) when they never were.
        """
        age = None if self._read_at is None else time.monotonic() - self._read_at
        if age is None or age > FRESH:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(), name="catalogue")
            if age is None or age > _STALE:
                await asyncio.wait({self._reading}, timeout=_AWAY)
        if self._read_at is None:
            raise Refusal(503, "database_away", "Daybook's database is away. Try again soon.", 2)
        return self._providers

    async def _read(self) -> None:
        looked = time.monotonic()
        try:
            async with self._database.read() as session:
                self._providers = await service.load_providers(session, self._vault)
                self.prices = await PriceTable.load(session)
            self._read_at = looked
        except (SQLAlchemyError, OSError) as problem:
            log.warning("Providers could not be read anew: %s", type(problem).__name__)
            if self._read_at is not None:
                self._read_at = looked - FRESH  # ask again, but not for every call

    async def listing(self, route: Route, allowed: Sequence[str] | None) -> dict[str, Any]:
        """The `allowed` models (None: all) in the shape of the API, or the one that the path names.

        Raises `Refusal` (404) when there is no such model.
        """
        family = route.family
        providers = [one for one in await self.providers() if speaks(one, leading(family))]
        names = await asyncio.gather(*(self._models_of(one) for one in providers))
        owners: dict[str, str] = {}
        for provider, models in zip(providers, names, strict=True):
            for model in models:
                if allowed is None or any(matches(pattern, model) for pattern in allowed):
                    owners.setdefault(model, provider.name)
        if route.model is None:
            return family.model_list([family.model(*listed) for listed in owners.items()])
        if route.model not in owners:
            raise Refusal(
                404,
                "model_not_found",
                f"There is no model {route.model[:200]!r} here.",
                param="model",
                details={"model": route.model[:200]},
            )
        return family.model(route.model, owners[route.model])

    async def _models_of(self, provider: ProviderConfig) -> Sequence[str]:
        """The models of `provider`: those that its configuration names, and of those it tells of itself, the
        ones that fit its patterns. However many ask, the provider is asked once.
        """
        named = provider.exact_models
        if len(named) == len(provider.models) or provider.key_unreadable:
            return named
        place = provider.id, provider.base_url
        began, asking = self._listed.get(place, (0.0, None))
        if asking is not None and asking.done():
            age, listed = time.monotonic() - began, asking.result() is not None
            asking = asking if age < (_LISTED if listed else _UNLISTED) else None
        if asking is None:
            asking = asyncio.create_task(_list_of(provider), name="list of models")
            self._listed[place] = time.monotonic(), asking
        told = await asyncio.shield(asking) or ()
        return [*named, *(name for name in told if name not in named and provider.serves(name))]


async def _list_of(provider: ProviderConfig) -> Sequence[str] | None:
    try:
        return await asyncio.wait_for(listed_models(provider), _PATIENCE)
    except TimeoutError:
        return None
