"""A database that goes away shows as one kind of error, whoever noticed it."""

import asyncpg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from daybook.ledger.writer import is_away

GONE = [
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
]


@pytest.mark.parametrize("problem", GONE, ids=lambda problem: type(problem).__name__)
async def test_what_asyncpg_says_of_a_lost_connection_is_an_error_of_sqlalchemy(shared_database, problem):
    with pytest.raises(SQLAlchemyError, match=str(problem).split(";", maxsplit=1)[0]):
        async with shared_database.read():
            raise problem
    with pytest.raises(SQLAlchemyError):
        async with shared_database.write():
            raise problem


@pytest.mark.parametrize("problem", GONE, ids=lambda problem: type(problem).__name__)
def test_a_lost_connection_is_no_fault_of_what_was_written(problem):
    assert is_away(problem)
