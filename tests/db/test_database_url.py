"""Addresses of databases as managed servers and other drivers write them."""

import asyncpg
import pytest

from daybook.db.engine import Database, asyncpg_dsn, database_url
from daybook.kit.errors import Invalid


@pytest.mark.parametrize(
    "options",
    ["sslmode=disable", "ssl=disable", "sslmode=prefer&channel_binding=prefer&connect_timeout=10"],
)
async def test_options_of_other_drivers_are_understood(database_url, options):
    url = database_url + ("&" if "?" in database_url else "?") + options
    database = Database.connect(url.replace("postgresql+asyncpg", "postgresql"), pool=2)
    try:
        async with database.read() as session:
            assert (await session.connection()).closed is False
    finally:
        await database.close()
    direct = await asyncpg.connect(asyncpg_dsn(url))
    assert await direct.fetchval("SELECT 1") == 1
    await direct.close()


def test_an_option_that_means_nothing_is_named():
    with pytest.raises(Invalid, match="colour"):
        database_url("postgresql://me@host/name?colour=green")
