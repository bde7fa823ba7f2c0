"""Configurations, prices and models in memory: read again about every second, while calls come."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from daybook.db.engine import Database
from daybook.gateway.apis.table import Route, leading
from daybook.gateway.errors import Refusal, database_unavailable
from daybook.gateway.providers import service
from daybook.gateway.providers.config import ProviderConfig, matches
from daybook.gateway.providers.probe import listed_models
from daybook.gateway.providers.vault import Vault
from daybook.ledger.prices import PriceTable

log = logging.getLogger(__name__)

FRESH = 1.0
"""Seconds before the configurations are read again."""

_STALE = 2.0  # seconds after which a call waits for the next reading
_AWAY = 10.0  # seconds after which a database that does not answer counts as unavailable
_LISTED = 300.0  # seconds that a provider's list of models is cached
_UNLISTED = 10.0  # seconds before a provider that gave none is asked again
_PATIENCE = 5.0  # seconds to wait for a list


class Catalogue:
    """The enabled configurations and the prices of this installation."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._configs: Sequence[ProviderConfig] = ()
        self._read_at: float | None = None
        self._reading: asyncio.Task[None] | None = None
        self._listed: dict[tuple[int, str], tuple[float, asyncio.Task[Sequence[str] | None]]] = {}
        self.prices = PriceTable()

    async def configs(self) -> Sequence[ProviderConfig]:
        """Return the enabled configurations, in order of priority. Without the database, those last read.

        Raises `Refusal` (503) if they were never read.
        """
        age = None if self._read_at is None else time.monotonic() - self._read_at
        if age is None or age > FRESH:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(), name="catalogue")
            if age is None or age > _STALE:
                await asyncio.wait({self._reading}, timeout=_AWAY)
        if self._read_at is None:
            raise database_unavailable()
        return self._configs

    async def _read(self) -> None:
        looked = time.monotonic()
        try:
            async with self._database.read() as session:
                self._configs = await service.load_configs(session, self._vault)
                self.prices = await PriceTable.load(session)
            self._read_at = looked
        except (SQLAlchemyError, OSError) as problem:
            log.warning("Provider configurations could not be read: %s", type(problem).__name__)
            if self._read_at is not None:
                self._read_at = looked - FRESH  # retry, but not for every call

    async def listing(self, route: Route, allowed: Sequence[str] | None) -> dict[str, Any]:
        """Return the `allowed` models (None: all) in the shape of the API, or the one that the path names.

        Raises `Refusal` (404) if there is no such model.
        """
        family = route.family
        configs = [one for one in await self.configs() if one.provider.answers(leading(family))]
        names = await asyncio.gather(*(self._models_of(one) for one in configs))
        owners: dict[str, str] = {}
        for config, models in zip(configs, names, strict=True):
            for model in models:
                if allowed is None or any(matches(pattern, model) for pattern in allowed):
                    owners.setdefault(model, config.name)
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

    async def _models_of(self, config: ProviderConfig) -> Sequence[str]:
        """Return the models that `config` names, and those of the provider's list that fit its patterns. Concurrent
        callers share one request to the provider.
        """
        named = config.exact_models
        if len(named) == len(config.models) or config.key_unreadable:
            return named
        key = config.id, config.base_url
        began, request = self._listed.get(key, (0.0, None))
        if request is not None and request.done():
            age, is_list = time.monotonic() - began, request.result() is not None
            request = request if age < (_LISTED if is_list else _UNLISTED) else None
        if request is None:
            request = asyncio.create_task(_list_of(config), name="list of models")
            self._listed[key] = time.monotonic(), request
        listed = await asyncio.shield(request) or ()
        return [*named, *(name for name in listed if name not in named and config.serves(name))]


async def _list_of(config: ProviderConfig) -> Sequence[str] | None:
    try:
        return await asyncio.wait_for(listed_models(config), _PATIENCE)
    except TimeoutError:
        return None
