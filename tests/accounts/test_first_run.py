"""The first run, and accounts' service as the command line uses it."""

import asyncio

import pytest

from daybook.accounts import service
from daybook.accounts.codes import code_hash
from daybook.accounts.schemas import CodeTerms
from daybook.kit.errors import Conflict, Invalid, NotFound


async def test_a_new_database_gets_an_administrator_a_group_and_a_code(database, first_run, browsers):
    assert first_run.account == "admin"
    me = (await (await browsers.sign_in("admin", first_run.password)).get("/api/v1/me")).json()
    assert me["role"] == "admin"
    async with database.read() as session:
        grant = await service.find_code(session, code_hash(first_run.code))
        assert grant.user_id == me["id"]
        assert (await service.get_group(session, grant.group_id)).name == "default"


async def test_what_it_made_is_not_in_its_repr(first_run):
    assert first_run.password not in repr(first_run)
    assert first_run.code not in repr(first_run)


async def test_it_happens_once(database, first_run):
    async with database.write() as session:
        assert await service.first_run(session) is None


async def test_it_happens_once_in_processes_that_start_together(database):
    async def run():
        async with database.write() as session:
            return await service.first_run(session)

    made = await asyncio.gather(*(run() for _ in range(4)))
    assert sum(one is not None for one in made) == 1


async def test_the_command_line_can_do_without_ids(session):
    group = await service.create_group(session, "lab")
    user = (await service.create_user(session, "ana", password="correct horse")).user
    assert (await service.get_group_by_name(session, "lab")).id == group.id
    assert (await service.get_user_by_account(session, "Ana")).id == user.id
    new = await service.create_code(session, group.id, CodeTerms(name="robot"), user_id=user.id)
    assert new.code not in repr(new)
    assert (await service.revoke_code(session, new.row.public_id)).revoked_at is not None
    assert (await service.set_password(session, "ANA")).password


async def test_the_command_line_is_told_what_is_wrong(session):
    with pytest.raises(NotFound, match="There is no user nobody"):
        await service.set_password(session, "nobody", "correct horse")
    with pytest.raises(NotFound, match="There is no group lab"):
        await service.get_group_by_name(session, "lab")
    with pytest.raises(Invalid, match="timezone"):
        await service.create_user(session, "ana", password="correct horse", timezone="Nowhere")
    await service.create_group(session, "lab")
    with pytest.raises(Conflict, match="lab"):
        await service.create_group(session, "lab")
