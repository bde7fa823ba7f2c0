"""The ledger is verified without being asked: when it is time, by one worker, and what is found is remembered."""

import asyncio
import logging
from datetime import timedelta

from sqlalchemy import text

from daybook.ledger.verification import routine
from daybook.ledger.verification.routine import keep_verified, verify_if_due
from daybook.ledger.verification.verify import verify
from support.application.api import Api
from support.ledger.lines import write_line

DAY = timedelta(days=1)


async def verified(database):
    async with database.read() as session:
        return await session.scalar(text("SELECT count(*) FROM ledger_verifications"))


async def test_it_is_verified_when_the_last_time_is_long_ago(database, admin):
    await write_line(database, "2026-01-31T08:00", user_id=None)
    assert (await verify_if_due(database, DAY)).lines == 1
    assert await verify_if_due(database, DAY) is None
    async with database.write() as session:
        await session.execute(text("UPDATE ledger_verifications SET at = at - interval '25 hours'"))
    assert (await verify_if_due(database, DAY)).balanced
    assert await verified(database) == 2
    told = (await Api(admin).get("/api/v1/admin/health"))["ledger"]
    assert (told["balanced"], told["lines"]) == (True, 1)


async def test_one_by_hand_counts(database):
    await verify(database)
    assert await verify_if_due(database, DAY) is None


async def test_a_ledger_that_does_not_balance_is_logged(database, admin, caplog):
    async with database.write() as session:
        await session.execute(text("UPDATE users SET token_usage = 7"))
    with caplog.at_level(logging.ERROR):
        assert not (await verify_if_due(database, DAY)).balanced
    assert "users.token_usage 1" in caplog.text
    assert (await Api(admin).get("/api/v1/admin/health"))["ledger"]["balanced"] is False


async def test_it_finds_gently_what_it_finds_otherwise(database, admin):
    await write_line(database, "2026-01-31T08:00", source="gateway", user_id=None)
    async with database.write() as session:
        await session.execute(text("UPDATE users SET token_usage = 7"))
        await session.execute(text("DELETE FROM ledger_days"))
    at_once, gently = await verify(database), await verify(database, gently=True)
    assert gently.counts == at_once.counts
    assert gently.differences == at_once.differences
    assert gently.total >= 3


async def test_of_many_workers_one_verifies(database):
    await asyncio.gather(*(verify_if_due(database, DAY) for _ in range(3)))
    assert await verified(database) == 1


async def test_a_worker_keeps_it_verified_until_it_stops(database, monkeypatch):
    monkeypatch.setattr(routine, "AFTER_START", 0.05)
    stop = asyncio.Event()
    task = asyncio.create_task(keep_verified(database, 24, stop))
    async with asyncio.timeout(10):
        while not await verified(database):
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.wait_for(task, 5)


async def test_with_0_hours_it_never_is(database, monkeypatch):
    monkeypatch.setattr(routine, "AFTER_START", 0.01)
    await asyncio.wait_for(keep_verified(database, 0, asyncio.Event()), 1)
    assert await verified(database) == 0


async def test_a_database_that_is_away_is_asked_again(database, monkeypatch, caplog):
    monkeypatch.setattr(routine, "AFTER_START", 0.01)
    monkeypatch.setattr(routine, "_CHECKS", 0.05)
    async with database.write() as session:
        await session.execute(text("ALTER TABLE ledger_verifications RENAME TO away"))
    stop = asyncio.Event()
    task = asyncio.create_task(keep_verified(database, 24, stop))
    await asyncio.sleep(0.3)
    async with database.write() as session:
        await session.execute(text("ALTER TABLE away RENAME TO ledger_verifications"))
    async with asyncio.timeout(10):
        while not await verified(database):
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.wait_for(task, 5)
    assert "Verifying the ledger failed" in caplog.text
