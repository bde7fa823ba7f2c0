"""The application's API on loopback, with people who are signed in to it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import uvicorn

from daybook.accounts import service
from daybook.accounts.models import Role
from daybook.db.engine import Database
from daybook.settings import Settings
from daybook.web.app import create_app

PASSWORD = "a password of tests"


@dataclass(slots=True)
class Client:
    """A program that uses the API; signed in as `user_id`, or not at all."""

    url: str
    http: aiohttp.ClientSession
    user_id: int | None = None

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Status and JSON (None for an empty answer)."""
        params = {name: str(value) for name, value in query.items()}
        async with self.http.request(method, self.url + path, json=body, params=params) as answer:
            raw = await answer.read()
            return answer.status, await answer.json() if raw else None

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that has to be 200."""
        status, body = await self.call("GET", path, **query)
        assert status == 200, body
        return body


@dataclass(slots=True)
class Application:
    """The application, and clients of it."""

    url: str
    database: Database
    sessions: list[aiohttp.ClientSession]

    def anonymous(self) -> Client:
        """A client that is not signed in."""
        self.sessions.append(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
        return Client(self.url, self.sessions[-1])

    async def client(self, account: str, role: Role = Role.USER, **columns: Any) -> Client:
        """A client that is signed in as a new user."""
        async with self.database.write() as session:
            new = await service.create_user(session, account, password=PASSWORD, role=role, **columns)
        client = self.anonymous()
        status, body = await client.call(
            "POST", "/api/v1/session", {"account": account, "password": PASSWORD}
        )
        assert status == 200, body
        client.user_id = new.user.id
        return client


@asynccontextmanager
async def application(database: Database, settings: Settings) -> AsyncIterator[Application]:
    """The application on a free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            create_app(database, settings), lifespan="off", log_config=None, access_log=False, ws="none"
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        app = Application(f"http://127.0.0.1:{listening.getsockname()[1]}", database, [])
        try:
            yield app
        finally:
            for session in app.sessions:
                await session.close()
            server.should_exit = True
            await task
