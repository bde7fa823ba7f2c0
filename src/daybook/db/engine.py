"""Connections to PostgreSQL, and two kinds of session: for reading, and for one committed transaction."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NewType, cast

import asyncpg
import orjson
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from daybook.db.errors import LOST_CONNECTION
from daybook.kit.errors import Invalid

ReadSession = NewType("ReadSession", AsyncSession)
"""A session for looking: nothing done in it is kept."""

WriteSession = NewType("WriteSession", AsyncSession)
"""A session whose work is one transaction, committed if its block ends without an error."""

_OPTIONS = {"host", "port", "user", "password", "passfile", "ssl", "target_session_attrs"}
"""Options allowed in a URL's query, by asyncpg's names."""

_LEFT_OUT = {"channel_binding", "connect_timeout", "prepared_statement_cache_size"}
"""Options in addresses of managed servers and of other drivers that can be ignored safely."""


def database_url(text: str) -> URL:
    """`text` as a URL for asyncpg. `postgres://`, `postgresql://` and libpq's `sslmode` are taken as well.

    Raises `Invalid` without repeating the text, which may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise Invalid(
            "DATABASE_URL cannot be read: it should look like postgresql://user@host/name."
        ) from None
    if url.get_backend_name() not in {"postgres", "postgresql"}:
        raise Invalid("DATABASE_URL must name a PostgreSQL database: postgresql://user@host/name.")
    query = {
        "ssl" if name == "sslmode" else name: value
        for name, value in url.query.items()
        if name not in _LEFT_OUT
    }
    if unknown := sorted(query.keys() - _OPTIONS):
        raise Invalid(f"DATABASE_URL has options that cannot be used here: {', '.join(unknown)}.")
    return url.set(drivername="postgresql+asyncpg", query=query)


def asyncpg_dsn(text: str) -> str:
    """Return `text` as an address for asyncpg itself, for work without SQLAlchemy (COPY)."""
    url = database_url(text)
    query = {"sslmode" if name == "ssl" else name: value for name, value in url.query.items()}
    return url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)


def create_engine(url: str, *, pool: int = 8) -> AsyncEngine:
    """An engine with up to `pool` connections, tested before use so that a database restart is not felt
    twice.
    """
    return create_async_engine(
        database_url(url),
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,  # they may be secrets, and errors end up in logs
        json_serializer=_json_text,
        json_deserializer=orjson.loads,
    )


def _json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


class Database:
    """The database of this process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    def connect(cls, url: str, *, pool: int = 8) -> "Database":
        """The database at `url`; connections are made when they are needed."""
        return cls(create_engine(url, pool=pool))

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[ReadSession]:
        """A session for looking."""
        with _one_kind_of_error():
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                yield ReadSession(session)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[WriteSession]:
        """One unit of work: committed when the block ends, rolled back when it raises."""
        with _one_kind_of_error():
            async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
                yield WriteSession(session)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


async def driver_connection(source: AsyncSession | AsyncConnection) -> asyncpg.Connection:
    """Return the connection of asyncpg beneath `source`.

    It is in the transaction of `source` only after a statement of `source`: SQLAlchemy begins it with the first one.
    """
    connection = await source.connection() if isinstance(source, AsyncSession) else source
    return cast("asyncpg.Connection", (await connection.get_raw_connection()).driver_connection)


@contextmanager
def _one_kind_of_error() -> Generator[None]:
    """Turn errors of asyncpg that SQLAlchemy lets through into its own: a server that is killed while a connection is
    made, or during a statement, raises them.
    """
    try:
        yield
    except (*LOST_CONNECTION, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError) as problem:
        raise OperationalError(None, None, problem) from problem
