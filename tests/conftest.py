"""The database of the tests: one server per run, one copy of a migrated template wherever a test commits."""

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.db.engine import Database, WriteSession
from support.databases import Databases
from support.postgres import Postgres


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
async def database(database_url):
    """A fresh migrated `Database` where commits are real."""
    database = Database.connect(database_url)
    yield database
    await database.close()


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
