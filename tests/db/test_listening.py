"""`Listener`: what is notified, and that it may have missed something after each connect."""

import asyncio

import asyncpg
import pytest_asyncio

from daybook.db import listening
from daybook.db.engine import asyncpg_dsn
from daybook.db.listening import Listener


class Heard:
    """What the callbacks of one listener were called with."""

    def __init__(self, dsn):
        self.calls = []
        self.news = asyncio.Event()
        self.listener = Listener(
            dsn, {name: lambda payload, name=name: self.hear(name, payload) for name in ("here", "there")}
        )

    def hear(self, channel, payload):
        self.calls.append((channel, payload))
        self.news.set()

    async def until(self, *calls):
        async with asyncio.timeout(5):
            while not set(calls) <= set(self.calls):
                self.news.clear()
                await self.news.wait()


@pytest_asyncio.fixture
async def connection(database_url):
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def heard(database_url):
    heard = Heard(f"{asyncpg_dsn(database_url)}&application_name=listens")
    heard.listener.start()
    yield heard
    await heard.listener.close()


CONNECTED = (("here", None), ("there", None))
KILL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'listens'"


async def test_a_notification_reaches_the_callback_of_its_channel(heard, connection):
    await heard.until(*CONNECTED)
    async with connection.transaction():
        await connection.execute("SELECT pg_notify('there', 'one')")
        await connection.execute("NOTIFY elsewhere")
    await heard.until(("there", "one"))
    await connection.execute("NOTIFY here")
    await heard.until(("here", ""))
    assert heard.calls == [*CONNECTED, ("there", "one"), ("here", "")]


async def test_a_connection_that_is_killed_is_replaced_and_that_is_said(heard, connection):
    for _ in range(3):
        await heard.until(*CONNECTED)
        heard.calls.clear()
        assert await connection.fetchval(KILL) == 1
        await heard.until(*CONNECTED)
    await connection.execute("NOTIFY here")
    await heard.until(("here", ""))


async def test_a_connection_that_says_nothing_any_more_is_replaced(heard, connection, monkeypatch):
    monkeypatch.setattr(listening, "BEAT", 0.05)
    await heard.until(*CONNECTED)
    heard.calls.clear()

    async def swallowed(*_):
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(asyncpg.Connection, "execute", swallowed)
        await heard.until(*CONNECTED)


async def test_a_database_that_comes_later_is_listened_to(database_url):
    heard = Heard("postgresql://nobody@127.0.0.1:1/nothing")
    heard.listener.start()
    await asyncio.sleep(0.1)
    assert heard.calls == []
    heard.listener._dsn = asyncpg_dsn(database_url)
    await heard.until(*CONNECTED)
    await heard.listener.close()


async def test_a_listener_that_is_closed_leaves_no_connection(heard, connection):
    await heard.until(*CONNECTED)
    await heard.listener.close()
    async with asyncio.timeout(5):
        while await connection.fetchval(KILL.replace("pg_terminate_backend(pid)", "*")):
            await asyncio.sleep(0.02)
