"""What the other tests stand on: databases of their own, rolled back or dropped."""

import pytest
from sqlalchemy import select, text

from daybook.accounts.models import User
from daybook.db.engine import Database


@pytest.mark.parametrize("attempt", [1, 2])
async def test_a_fresh_database_has_the_tables_and_no_rows(database, attempt):
    async with database.write() as session:
        assert (await session.scalars(select(User))).all() == []
        session.add(User(account="someone"))
    async with database.read() as session:
        assert (await session.scalars(select(User.account))).all() == ["someone"]


@pytest.mark.parametrize("attempt", [1, 2])
async def test_what_a_session_commits_is_rolled_back_after_the_test(session, attempt):
    assert (await session.scalars(select(User))).all() == []
    session.add(User(account="someone"))
    await session.commit()


async def test_an_empty_database_can_be_had(databases):
    async with databases.copy("template0") as url:
        database = Database.connect(url)
        async with database.read() as session:
            assert await session.scalar(text("SELECT to_regclass('users')")) is None
        await database.close()
