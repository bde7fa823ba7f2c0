"""One `daybook run` for all of these tests, with its database, worker and demo model, and one Chromium."""

import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from daybook.db.embedded import running_server
from daybook.db.embedded.cluster import remove_cluster
from daybook.db.engine import asyncpg_dsn
from daybook.launcher.address import free_port
from daybook.ledger.partitions import make_partition, month_of
from support.browser import chromium
from support.browser.sessions import Person, Visits, add_person, client_of
from support.gateway.upstream import Upstream
from support.processes.run import Run

MANY_CALLS = 10_000
PATIENCE = 30_000  # milliseconds until what should be seen is given up; a busy machine is slow, not wrong


def pytest_collection_modifyitems(items):
    """Skip the tests of this folder where a browser or the pages are missing."""
    reason = chromium.why_not()
    here = Path(__file__).parent
    for item in items:
        if reason is not None and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def installation():
    """`daybook run`."""
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)  # as root, the database runs as another user, who must get in
        data = Path(name) / "data"
        run = Run(data, free_port()).read_until("Ctrl-C stops everything")
        reader = threading.Thread(target=run.rest)  # what it says later must not fill the pipe
        reader.start()
        yield run
        run.process.terminate()
        reader.join(60)
        run.end()
        remove_cluster(data)


@pytest.fixture(scope="session")
def administrator(installation):
    """The first administrator."""
    credentials = installation.credentials()
    return Person(credentials["account"], credentials["password"])


@pytest_asyncio.fixture(scope="session")
async def office(installation, administrator):
    """The administrator at the API, for what a test needs and is not about."""
    async with client_of(installation.url, administrator) as client:
        yield client


@pytest.fixture(scope="session")
def newcomer(office):
    """`await newcomer("ana")`: somebody with a fresh account."""

    async def make(name, role="user", **settings):
        return await add_person(office, name, role, **settings)

    return make


@pytest_asyncio.fixture(scope="session")
async def browser():
    """Chromium."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await chromium.launch(playwright)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def visits(browser, installation):
    """Opens windows. Whatever a browser complains of on its console, and every answer of 500 and more, is a fault."""
    visits = Visits(browser, installation.url)
    yield visits
    assert await visits.close() == []


@pytest_asyncio.fixture
async def many_calls(installation):
    """As many calls in the explorer as somebody has after some days, all of one model: `much-called`."""
    connection = await asyncpg.connect(asyncpg_dsn(running_server(installation.data).dsn))
    await make_partition(connection, month_of(datetime.now(UTC)))
    await connection.execute(
        "INSERT INTO llm_call_logs (model, request_messages, status, error_message, call_time, duration_ms) "
        "SELECT 'much-called', '[]', 'error', 'number ' || number, "
        # Within this month, whose partition there is.
        "greatest(now() - number * interval '1 second', date_trunc('month', now(), 'UTC')), 5 "
        "FROM generate_series(1, $1::int) AS number",
        MANY_CALLS,
    )
    yield MANY_CALLS
    await connection.execute("DELETE FROM llm_call_logs WHERE model = 'much-called'")
    await connection.close()


@pytest_asyncio.fixture
async def provider():
    """A provider on loopback that says what a test tells it to."""
    upstream = Upstream()
    await upstream.start()
    yield upstream
    await upstream.stop()
