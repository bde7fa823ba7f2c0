"""The library brings its own table up to date: it makes the table, and adds the columns that are its own.

It never touches a column or an index that it does not know, so an application may keep the same table with
more columns. Several processes may do it at once: one waits for the other and then finds nothing to do.
"""

from typing import cast

from sqlalchemy import Column, Connection, Engine, Table, inspect, text
from sqlalchemy.schema import CreateColumn

from llm_tracker.errors import DatabaseError
from llm_tracker.models import LLMUsage

_LOCK_KEY = 0x6C6C6D74726B  # "llmtrk": the advisory lock that every process of ours takes on Postgres
_SINCE_THE_FIRST_VERSION = {"id", "model", "created_at"}


def bring_up_to_date(engine: Engine) -> None:
    """Create the table, or add what an older version of the library did not have."""
    table = cast("Table", LLMUsage.__table__)
    with engine.connect() as connection:
        if not _missing(connection, table):
            return
    if engine.dialect.name == "sqlite":
        # The driver would begin its transaction only at the first INSERT; this one must hold the lock first.
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
    """The library's columns that the database does not have; all of them where there is no table."""
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
