"""No deadlocks, and no waiting for the locks of an unreachable worker (`daybook.jobs.locks`).

Each of these mutations makes a test here fail: heartbeats that wait for locks (a deadlock), a liveness check that locks
the entry, transactions without a limit.
"""

import asyncio
import time
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from daybook.db.engine import Database, asyncpg_dsn
from daybook.jobs import JobContext, JobType, claims, queue, service
from daybook.jobs.maintenance import maintain
from daybook.jobs.queue import Entry
from support.jobs.jobs import leave, new_jobs

WORKER = uuid4()


async def plain(context: JobContext):
    await leave(context, "done")


@pytest_asyncio.fixture
async def connection(jobs):
    """A worker's connection."""
    connection = await asyncpg.connect(asyncpg_dsn(jobs.url))
    yield connection
    await connection.close()


async def two_jobs_of_a_worker(jobs, heartbeat):
    """Their entries. Maintenance reaches the second one's job first."""
    first, second = [await jobs.enqueue("plain") for _ in range(2)]
    for job_id in (second, first):
        await jobs.sql(
            "UPDATE inference_jobs SET status = 'processing', attempts = 1, fencing_token = 1 WHERE id = :id",
            id=job_id,
        )
    await jobs.sql(
        f"UPDATE pgqueuer SET status = 'picked', queue_manager_id = :worker, heartbeat = {heartbeat}",
        worker=WORKER,
    )
    return [Entry((await jobs.job(job_id)).queue_id, "plain", job_id) for job_id in (first, second)]


async def test_a_worker_that_wakes_and_the_upkeep_do_not_wait_for_each_other(jobs, connection):
    """It sends a heartbeat while its jobs are requeued in the other order."""
    entries = await two_jobs_of_a_worker(jobs, "now() - interval '1 minute'")
    async with jobs.database.write() as session:
        await session.execute(text("SELECT 1 FROM pgqueuer WHERE id = :id FOR UPDATE"), {"id": entries[0].id})
        beat = asyncio.create_task(queue.beat(connection, WORKER, entries))
        await done_or_waiting(jobs, beat)
        upkeep = asyncio.create_task(maintain(jobs.database))
        await done_or_waiting(jobs, beat, upkeep)
    await asyncio.gather(beat, upkeep)


async def done_or_waiting(jobs, *tasks):
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while True:
        ((count,),) = [row.values() for row in await jobs.sql(waiting)]
        if count + sum(task.done() for task in tasks) >= len(tasks):
            return
        await asyncio.sleep(0.02)


async def test_a_worker_waits_for_nobody_to_say_that_it_lives(jobs, connection):
    """While the subject of one job is slowly deleted, the heartbeats of the others succeed."""
    entries = await two_jobs_of_a_worker(jobs, "now() - interval '5 seconds'")
    async with jobs.database.write() as session:
        for entry in entries:
            await service.cancel(session, entry.job_id)
        held = await asyncio.wait_for(queue.beat(connection, WORKER, entries), 1)
        assert [entry.is_to_be_cancelled for entry in held] == [False, False]
        (silence,) = await jobs.sql("SELECT max(clock_timestamp() - heartbeat) AS longest FROM pgqueuer")
        assert silence["longest"].total_seconds() < 1
    held = await queue.beat(connection, WORKER, entries)
    assert [entry.is_to_be_cancelled for entry in held] == [True, True]


async def test_an_entry_that_is_locked_stays_the_workers_until_it_is_changed(jobs, connection):
    entries = await two_jobs_of_a_worker(jobs, "now() - interval '1 minute'")
    async with jobs.database.write() as session:
        await session.execute(
            text("UPDATE pgqueuer SET queue_manager_id = NULL WHERE id = :id"), {"id": entries[0].id}
        )
        held = await asyncio.wait_for(queue.beat(connection, WORKER, entries), 1)
        assert {entry.id for entry in held} == {entry.id for entry in entries}
    assert [entry.id for entry in await queue.beat(connection, WORKER, entries)] == [entries[1].id]


async def test_a_job_that_was_locked_by_a_worker_that_is_away_is_taken_over(databases):
    """The worker freezes between its last statement and the commit."""

    async def freeze_and_look(frozen_in):
        async with new_jobs(databases) as jobs, frozen(jobs.url) as (database, asleep, wake):
            job_id = await jobs.enqueue("plain")
            await jobs.sql("UPDATE pgqueuer SET status = 'picked', queue_manager_id = :worker", worker=WORKER)
            entry = Entry((await jobs.job(job_id)).queue_id, "plain", job_id)
            if frozen_in == "begin":
                last_word = claims.begin(database, entry, WORKER, 5)
            else:
                begun = await claims.begin(jobs.database, entry, WORKER, 5)
                if frozen_in == "note":
                    last_word = claims.note(database, begun.claim, 0.5, "looking", {})
                elif frozen_in == "end":
                    last_word = claims.succeed(database, begun.claim, {})
                else:
                    await jobs.sql("UPDATE pgqueuer SET heartbeat = now() - interval '1 minute'")
                    last_word = maintain(database)
            last_word = asyncio.create_task(last_word)
            await asleep.wait()
            asleep_at = time.monotonic()
            async with jobs.worker(JobType("plain", plain)):
                job = await jobs.until(job_id, "success")
            assert time.monotonic() - asleep_at < 15, frozen_in
            wake.set()
            with pytest.raises(DBAPIError):
                await last_word
            assert await jobs.done(job_id) == ["done"], frozen_in
            assert job.attempts == (1 if frozen_in == "begin" else 2), frozen_in

    await asyncio.gather(*(freeze_and_look(where) for where in ("begin", "note", "end", "upkeep")))


@asynccontextmanager
async def frozen(url):
    """A database whose commits block, with the events that report and end that."""
    database, asleep, wake = Database.connect(url, pool=1), asyncio.Event(), asyncio.Event()

    def sleep(_connection):
        asleep.set()
        await_only(wake.wait())

    event.listen(database.engine.sync_engine, "commit", sleep)
    try:
        yield database, asleep, wake
    finally:
        wake.set()
        await database.close()
