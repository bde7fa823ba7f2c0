"""Databases of one test: copies of a migrated template, made in some 20 ms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from daybook.db.engine import Database, create_engine
from daybook.db.migrate import upgrade_async
from support.databases.postgres import Postgres

TEMPLATE = "migrated"


class Databases:
    """Makes databases on the tests' server and drops them again."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.numbers = count(1)
        self.admin: AsyncEngine = create_engine(server.url(), pool=2).execution_options(
            isolation_level="AUTOCOMMIT"
        )

        self.engine = create_engine(server.url(TEMPLATE))
        self.place: str | None = None
        event.listen(self.engine.sync_engine, "do_connect", self._lead)

    async def prepare(self) -> None:
        """Migrate the template that every other database is a copy of."""
        await self._execute(f"CREATE DATABASE {TEMPLATE}")
        await upgrade_async(self.server.url(TEMPLATE))

    @asynccontextmanager
    async def copy(self, template: str = TEMPLATE) -> AsyncIterator[str]:
        """The address of a new copy of `template` (`template0` is empty), dropped afterwards."""
        name = f"test_{next(self.numbers)}"
        # FILE_COPY is quicker than the default here: the copy is small and nothing is synced to disk.
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.server.url(name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    @asynccontextmanager
    async def connected(self, url: str) -> AsyncIterator[Database]:
        """The `Database` at the address of a copy; one at a time. Its engine is the same each time, which knows by then
        how most statements are written.
        """
        self.place = make_url(url).database
        try:
            yield Database(self.engine)
        finally:
            self.place = None
            await self.engine.dispose()

    async def close(self) -> None:
        """Close the connection that makes databases."""
        await self.admin.dispose()

    def _lead(self, _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        if self.place is None:
            raise AssertionError("something still asks for a database after the test that had it")
        parameters["database"] = self.place

    async def _execute(self, statement: str) -> None:
        async with self.admin.connect() as connection:
            await connection.execute(text(statement))
