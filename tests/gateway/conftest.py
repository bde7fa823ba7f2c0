"""A gateway as it is served, and a provider behind it that does what a test says."""

import pytest
import pytest_asyncio

from daybook.settings import Settings
from support.gateway.served import serving
from support.gateway.upstream import Upstream


@pytest.fixture
def settings(tmp_path):
    """Those of the application that the test asks."""
    return Settings(data=tmp_path)


@pytest_asyncio.fixture
async def upstream():
    """A provider that answers what the test says."""
    server = Upstream()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def gateway(database, database_url, tmp_path):
    """A gateway without providers, with one unlimited code."""
    settings = Settings(data=tmp_path, max_body=2 * 2**20)
    async with serving(settings, database, database_url) as found:
        yield found


@pytest_asyncio.fixture
async def chat(gateway, upstream):
    """The gateway with `upstream` as its provider."""
    await gateway.add_config("main", upstream.url + "/v1")
    return gateway
