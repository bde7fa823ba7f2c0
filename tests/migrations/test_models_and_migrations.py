"""The migrations, replayed from nothing, make exactly the tables that the models describe."""

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from daybook import tables
from daybook.db.migrate import upgrade_async
from daybook.jobs import queue


def comparable(thing, name, kind, reflected, compare_to):
    """The queue's tables are pgqueuer's (tests/jobs/test_queue_schema.py looks at them). And PostgreSQL cannot compare
    two values of type json, so Alembic cannot compare this default.
    """
    if kind == "table" and name in queue.TABLES:
        return False
    return not (kind == "column" and name == "metadata" and thing.table.name == "llm_tracker_usage")


OPTIONS = {"compare_type": True, "compare_server_default": True, "include_object": comparable}


async def test_models_and_migrations_describe_the_same_database(database):
    def differences(connection):
        context = MigrationContext.configure(connection, opts=OPTIONS)
        (metadata,) = [
            column
            for column in sqlalchemy.inspect(connection).get_columns("llm_tracker_usage")
            if column["name"] == "metadata"
        ]
        assert (str(metadata["type"]), metadata["nullable"], metadata["default"]) == (
            "JSON",
            False,
            "'{}'::json",
        )
        return compare_metadata(context, tables.metadata)

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(database, database_url):
    await upgrade_async(database_url)
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        assert len(rows.scalars().all()) == 1
