"""A database that goes away shows as one kind of error, whoever noticed it."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from daybook.db.errors import is_unavailable
from daybook.ledger.writer import is_of_the_server

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
    assert is_unavailable(problem)
    assert is_of_the_server(problem)


def refused(problem, statement="SELECT 1"):
    """`problem` as SQLAlchemy raises it for a statement."""
    return DBAPIError(statement, None, problem)


@pytest.mark.parametrize(
    ("problem", "unavailable"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.AdminShutdownError("terminating connection"), True),
        (asyncpg.TooManyConnectionsError("too many clients"), True),
        (asyncpg.UniqueViolationError("duplicate key"), False),
        (asyncpg.DataError("invalid input for query argument"), False),
        (refused(asyncpg.AdminShutdownError("terminating connection")), True),
        (refused(asyncpg.UniqueViolationError("duplicate key")), False),
        (refused(None, statement=None), True),
        (OperationalError("SELECT 1", None, Exception()), True),
        (PoolTimeout(), True),
        (ValueError(), False),
    ],
)
def test_what_is_unavailable_is_told_from_what_is_refused(problem, unavailable):
    assert is_unavailable(problem) is unavailable
