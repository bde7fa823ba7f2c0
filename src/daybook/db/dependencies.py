"""Sessions for endpoints, named in their signatures.

`scope="function"` ends a session before the response is sent: a client is never told of a change whose commit fails
afterwards.
"""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends, Request

from daybook.db.engine import Database, ReadSession, WriteSession


def app_database(request: Request) -> Database:
    """The database of the application that serves `request`."""
    return cast("Database", request.app.state.database)


AppDatabase = Annotated[Database, Depends(app_database)]
"""For endpoints that need short transactions of their own, such as those that stream or hash a password."""


async def _reading(database: AppDatabase) -> AsyncIterator[ReadSession]:
    async with database.read() as session:
        yield session


async def _writing(database: AppDatabase) -> AsyncIterator[WriteSession]:
    async with database.write() as session:
        yield session


Reading = Annotated[ReadSession, Depends(_reading, scope="function")]
"""A session for looking."""

Writing = Annotated[WriteSession, Depends(_writing, scope="function")]
"""One unit of work, committed before the response goes."""
