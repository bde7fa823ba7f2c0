"""`GET /api/v1/admin/health`: the ledger, journals, the outbox, jobs and the disk."""

import fcntl
import os

from sqlalchemy import text

from daybook.ledger.journal import Journal
from daybook.ledger.verification.verify import verify
from support.application.api import Api

HEALTH = "/api/v1/admin/health"


async def test_a_fresh_daybook_was_never_verified_and_nothing_waits(admin):
    told = await Api(admin).get(HEALTH)
    assert told["ledger"] == {"balanced": None, "differences": None, "lines": None, "verified_at": None}
    assert (told["shipping"], told["journals"], told["outbox"]["pending"]) == (False, [], 0)
    assert 0 < told["disk"]["free_bytes"] <= told["disk"]["total_bytes"]


async def test_it_tells_what_the_last_verification_found(admin, database):
    await verify(database)
    assert (await Api(admin).get(HEALTH))["ledger"]["balanced"] is True
    async with database.write() as session:
        await session.execute(text("UPDATE users SET token_usage = 7"))
    await verify(database)
    told = (await Api(admin).get(HEALTH))["ledger"]
    assert (told["balanced"], told["differences"]) == (False, 1)


async def test_it_tells_of_journals_and_of_the_shipper(admin, app):
    folder = app.state.settings.data / "journal"
    alive, dead = Journal(folder), Journal(folder)
    dead.close()
    told = (await Api(admin).get(HEALTH))["journals"]
    assert [(one["id"], one["alive"]) for one in told] == [(alive.id, True), (dead.id, False)]
    assert all(one["bytes"] > 0 for one in told)
    lock = os.open(folder / "shipper.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert (await Api(admin).get(HEALTH))["shipping"] is True
    os.close(lock)
    assert (await Api(admin).get(HEALTH))["shipping"] is False
    alive.close()


async def test_it_is_for_administrators(visitor, ana):
    assert (await visitor.get(HEALTH)).status_code == 401
    assert (await ana.get(HEALTH)).status_code == 403
