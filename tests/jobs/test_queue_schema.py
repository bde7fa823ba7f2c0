"""The queue's tables match the installed pgqueuer: its own comparison finds no changes."""

import asyncpg
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from pgqueuer.adapters.persistence.queries import Queries

from daybook.db.engine import asyncpg_dsn
from daybook.jobs import queue


async def test_the_installed_pgqueuer_would_change_nothing(database_url):
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        plan = await Queries(
            queue.queries(connection).driver, qbe=QueryBuilderEnvironment(queue.NAMES)
        ).plan_upgrade()
    finally:
        await connection.close()
    assert plan.statements == ()
    assert plan.notes == ()


async def test_its_tables_are_the_ones_named(database_url):
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'pgqueuer%'")
    finally:
        await connection.close()
    assert {row["tablename"] for row in rows} == queue.TABLES


def test_the_environment_cannot_rename_them(monkeypatch):
    for name in ("QUEUE_TABLE", "PGQUEUER_PREFIX", "CHANNEL", "FUNCTION", "DURABILITY", "PGQUEUER_SCHEMA"):
        monkeypatch.setenv(name, "elsewhere")
    assert queue.names() == queue.NAMES
