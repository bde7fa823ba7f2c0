"""The database of the tests: one server per run, one copy of a migrated template wherever a test commits.

Over it the application: `visitor`, `admin` and `ana` are browsers at its API.
"""

import os
import signal
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts import passwords
from daybook.accounts import service as accounts
from daybook.db.engine import Database, WriteSession
from daybook.settings import Settings
from support.application.api import Api
from support.application.apps import open_app
from support.application.browsers import Browsers
from support.databases.copies import Databases
from support.databases.postgres import Postgres
from support.processes.durations import Measurement, slow_tests
from support.processes.forks import Forks


def pytest_configure(config):
    """Ctrl-C and a terminal that closes work, here and in what tests start: a shell that starts the run in the
    background, or `nohup`, has them ignored.
    """
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    if "KEEP_DURATIONS" in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Measurement())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One process more than cores: the tests of one process at a time wait for others most of their time."""
    return min((os.cpu_count() or 1) + 1, 4)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """The tests of a file stay together. What is imported here is for several processes only."""
    from support.processes.scheduling import Files

    config.option.loadscopereorder = False
    return Files(config, log)


def pytest_collection_modifyitems(config, items):
    """Mark what is slow. In several processes, what takes longest begins first."""
    slow = slow_tests()
    for item in items:
        if item.nodeid in slow:
            item.add_marker("slow")
    if hasattr(config, "workerinput"):
        from support.processes.scheduling import rank

        items.sort(key=rank)


@pytest.fixture(scope="session")
def postgres():
    """The server; most tests want `database`, `database_url` or `session` instead."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest_asyncio.fixture(scope="session")
async def databases(postgres):
    """`async with databases.copy() as url`: a database more; `copy("template0")` is an empty one."""
    databases = Databases(postgres)
    await databases.prepare()
    yield databases
    await databases.close()


@pytest_asyncio.fixture
async def database_url(databases):
    """The address of a fresh migrated database, for what connects by itself (a process, the CLI)."""
    async with databases.copy() as url:
        yield url


@pytest_asyncio.fixture
async def database(databases, database_url):
    """A fresh migrated `Database` where commits are real."""
    async with databases.connected(database_url) as database:
        yield database


@pytest_asyncio.fixture(scope="session")
async def shared_database(databases):
    """One database for every test that rolls back."""
    async with databases.copy() as url:
        database = Database.connect(url)
        yield database
        await database.close()


@pytest_asyncio.fixture
async def session(shared_database):
    """A session for services: all that the test does in it is rolled back, commits included."""
    async with shared_database.engine.connect() as connection:
        outer = await connection.begin()
        async with AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            yield WriteSession(session)
        await outer.rollback()


@pytest_asyncio.fixture(scope="session")
async def forks():
    """Starts workers that are to be killed."""
    async with Forks.ready() as forks:
        yield forks


@pytest.fixture(scope="session", autouse=True)
def quick_hashing():
    """Passwords are hashed with little work, in this process only: most tests have people and none is about that.
    Those of passwords take the real one.
    """
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", hasher)
        patch.setattr(passwords, "_NOBODY", hasher.hash(b"nobody"))
        yield


@pytest.fixture
def app(database, tmp_path):
    """The application on a fresh database."""
    return open_app(database, Settings(data=tmp_path))


@pytest_asyncio.fixture
async def browsers(app):
    """Opens browsers: `await browsers.open()`, `await browsers.sign_in(account, password)`."""
    async with AsyncExitStack() as clients:
        yield Browsers(app, clients)


@pytest_asyncio.fixture
async def first_run(database):
    """The first administrator's account, password and code."""
    async with database.write() as session:
        return await accounts.first_run(session)


@pytest_asyncio.fixture
async def visitor(browsers):
    """A browser in which nobody is signed in."""
    return await browsers.open()


@pytest_asyncio.fixture
async def admin(browsers, first_run):
    """A browser of the first administrator."""
    return await browsers.sign_in(first_run.account, first_run.password)


@pytest.fixture
def root(admin):
    """The first administrator at the API: JSON in, status and JSON out."""
    return Api(admin)


@pytest_asyncio.fixture
async def ana(browsers, admin):
    """A browser of an ordinary user: account `ana`, password `correct horse`."""
    answer = await admin.post("/api/v1/admin/users", json={"account": "ana", "password": "correct horse"})
    assert answer.status_code == 201, answer.text
    return await browsers.sign_in("ana", "correct horse")
