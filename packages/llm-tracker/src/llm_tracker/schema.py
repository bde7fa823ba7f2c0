"""Create the library's table, or add columns of later versions.

Unknown columns and indexes are left alone, so an application may extend the table. Concurrent processes wait
for each other.
"""

from typing import cast

from sqlalchemy import Column, Connection, Engine, Table, inspect, text
from sqlalchemy.schema import CreateColumn

from llm_tracker.errors import DatabaseError
from llm_tracker.models import LLMUsage

_LOCK_KEY = 0x6C6C6D74726B  # "llmtrk": the advisory lock of all processes on PostgreSQL
_SINCE_THE_FIRST_VERSION = {"id", "model", "created_at"}


def bring_up_to_date(engine: Engine) -> None:
    """Create the table, or add the columns that an older version lacks."""
    table = cast("Table", LLMUsage.__table__)
    with engine.connect() as connection:
        if not _missing(connection, table):
            return
    if engine.dialect.name == "sqlite":
        # The driver starts its transaction at the first INSERT; the lock is needed earlier.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                _add(connection, table)
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
        return
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        _add(connection, table)


def _missing(connection: Connection, table: Table) -> list[Column[object]]:
    """Return the library's columns that the database lacks; all if there is no table."""
    inspector = inspect(connection)
    present: set[str] = set()
    if inspector.has_table(table.name):
        present = {column["name"] for column in inspector.get_columns(table.name)}
    return [column for column in table.columns if column.name not in present]


def _add(connection: Connection, table: Table) -> None:
    missing = _missing(connection, table)
    if not inspect(connection).has_table(table.name):
        table.create(connection)
        return
    if foreign := _SINCE_THE_FIRST_VERSION.intersection(column.name for column in missing):
        raise DatabaseError(
            f"the database has a table {table.name} that is not the library's: it lacks "
            f"{', '.join(sorted(foreign))}. Point LLM_TRACKER_DATABASE_URL at another database, "
            "or rename that table"
        )
    for column in missing:
        definition = CreateColumn(column).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
