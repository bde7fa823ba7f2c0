"""Gateways with a provider behind them, and the official SDKs in front, with nothing set but URL and code."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from daybook.db.engine import Database
from daybook.settings import Settings
from support.gateway.replay import Replay
from support.gateway.served import Gateway, serving
from support.gateway.upstream import Upstream


class Gateways:
    """Gateways, each with a database of its own and one provider."""

    def __init__(self, databases, folders, stack: AsyncExitStack) -> None:
        self._databases = databases
        self._folders = folders
        self._stack = stack

    async def open(
        self, provider: str, base_url: str, models: Sequence[str] = ("*",), **settings: Any
    ) -> Gateway:
        """A gateway whose provider is at `base_url`; `settings` are those of the provider's configuration."""
        url = await self._stack.enter_async_context(self._databases.copy())
        database = Database.connect(url)
        self._stack.push_async_callback(database.close)
        folder = self._folders.mktemp("gateway")
        gateway = await self._stack.enter_async_context(serving(Settings(data=folder), database, url))
        await gateway.add_config(
            "main",
            base_url,
            provider=provider,
            models=list(models),
            settings={"retries": 0, **settings},
        )
        return gateway


@pytest_asyncio.fixture(scope="module")
async def gateways(databases, tmp_path_factory) -> AsyncIterator[Gateways]:
    """Opens gateways that live as long as the module's tests."""
    async with AsyncExitStack() as stack:
        yield Gateways(databases, tmp_path_factory, stack)


@pytest_asyncio.fixture(scope="module")
async def replay() -> AsyncIterator[Replay]:
    """A provider that plays recorded exchanges."""
    server = Replay()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="module")
async def upstream() -> AsyncIterator[Upstream]:
    """What `provider` is, from test to test."""
    server = Upstream()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def provider(upstream: Upstream) -> Upstream:
    """A provider that answers what the test says and has been asked nothing yet."""
    upstream.received.clear()
    upstream.left.clear()
    return upstream
