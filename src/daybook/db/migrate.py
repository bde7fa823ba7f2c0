"""Bring a database up to date, one process at a time: others wait, and then find nothing to do."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from daybook.db.engine import create_engine
from daybook.kit.errors import Unavailable

_LOCK = 0x6461_7962  # "dayb": the advisory lock that one migration at a time holds


def alembic_config() -> Config:
    """Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at `url`. Call it outside an event loop; see `upgrade_async` for inside."""
    asyncio.run(upgrade_async(url, revision))


async def upgrade_async(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` to `revision`, in one transaction.

    Raises `Unavailable` when the database is newer than this program.
    """
    engine = create_engine(url, pool=2)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    config = alembic_config()
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise Unavailable(
            f"The database was written by a newer Daybook (revision {current}). "
            "Start that version, or restore a backup."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
