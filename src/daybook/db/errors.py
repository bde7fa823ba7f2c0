"""PostgreSQL is unavailable: the errors that mean it, and the message for callers."""

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from daybook.kit.errors import Unavailable

RETRY_AFTER = 2.0
"""Seconds after which a caller may retry."""

LOST_CONNECTION = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The connection closed, or asyncpg lost count of its state."""

DRIVER_ERRORS = (asyncpg.PostgresError, *LOST_CONNECTION, OSError)
"""Whatever a connection of asyncpg raises."""

_UNAVAILABLE = frozenset({"08", "53", "57"})
"""Classes of SQLSTATE: connection, insufficient resources, operator intervention."""


class DatabaseUnavailable(Unavailable):
    """PostgreSQL is unavailable. `reason` is for the operator of a command or of `daybook run`."""

    code = "database_unavailable"

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(
            "Daybook's database is unavailable. Try again in a moment."
            if reason is None
            else f"The database is unavailable: {reason}. Check DATABASE_URL."
        )


def is_unavailable(problem: BaseException) -> bool:
    """True if `problem` means that PostgreSQL is unavailable, and not that it refused a statement."""
    if isinstance(problem, DBAPIError):
        return (
            isinstance(problem, OperationalError | InterfaceError)
            or problem.connection_invalidated
            or problem.statement is None  # no statement was sent
            or _class_of(problem.orig) in _UNAVAILABLE
        )
    if isinstance(problem, asyncpg.PostgresError):
        return _class_of(problem) in _UNAVAILABLE
    if isinstance(problem, LOST_CONNECTION):
        return not isinstance(problem, ValueError)  # asyncpg's word for a value that it cannot encode
    return isinstance(problem, OSError | PoolTimeout)


def _class_of(problem: BaseException | None) -> str:
    return str(getattr(problem, "sqlstate", None))[:2]
