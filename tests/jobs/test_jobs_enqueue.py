"""Jobs are enqueued in their caller's transaction, one active job per subject."""

import asyncio
import time

from sqlalchemy import text

from daybook.jobs import JobType, service
from support.jobs.jobs import leave


async def run(context):
    await leave(context, "done")


async def test_a_job_of_a_transaction_that_is_undone_never_was(jobs):
    async with jobs.worker(JobType("plain", run)):
        async with jobs.database.write() as session:
            await service.enqueue(session, type="plain", input_type="test")
            await session.rollback()
        await asyncio.sleep(0.3)
    assert await jobs.sql("SELECT 1 FROM inference_jobs") == []
    assert await jobs.entries() == 0
    assert await jobs.sql("SELECT 1 FROM work") == []


async def test_a_job_does_not_begin_before_its_transaction_is_committed(jobs):
    async with jobs.worker(JobType("plain", run)):
        async with jobs.database.write() as session:
            enqueued = await service.enqueue(session, type="plain", input_type="test")
            await asyncio.sleep(0.5)
            assert await jobs.sql("SELECT 1 FROM work") == []
        job = await jobs.until(enqueued.job.id, "success")
    assert await jobs.done(job.id) == ["done"]


async def test_a_session_that_has_done_nothing_before_enqueues_in_its_transaction(jobs):
    """Statements that bypass SQLAlchemy are committed at once if no transaction has begun."""
    async with jobs.database.write() as session:
        await service.enqueue(session, type="plain", input_type="test")
        (entries,) = (await jobs.sql("SELECT count(*) FROM pgqueuer"))[0].values()
        assert entries == 0
        await session.rollback()
    assert await jobs.entries() == 0


async def test_a_job_begins_when_it_is_told_of_and_not_at_the_next_look(jobs):
    async with jobs.worker(JobType("plain", run)):
        await jobs.until(await jobs.enqueue("plain"), "success")
        waits = []
        for _ in range(5):
            job = await jobs.until(await jobs.enqueue("plain"), "success")
            waits.append((job.started_at - job.created_at).total_seconds())
    assert sorted(waits)[2] < 1.0, waits  # a look is every two seconds


async def test_a_subject_has_one_active_job_of_a_type(jobs):
    async with jobs.database.write() as session:
        first = await service.enqueue(session, type="a", input_type="test", subject="day")
        again = await service.enqueue(session, type="a", input_type="test", subject="day")
        other = await service.enqueue(session, type="b", input_type="test", subject="day")
        none = [await service.enqueue(session, type="a", input_type="test") for _ in range(2)]
    assert (first.is_new, again.is_new, again.job.id) == (True, False, first.job.id)
    assert other.is_new
    assert all(enqueued.is_new for enqueued in none)
    assert await jobs.entries() == 4

    await jobs.cancel(first.job.id)
    async with jobs.database.write() as session:
        later = await service.enqueue(session, type="a", input_type="test", subject="day")
    assert later.is_new


async def test_many_at_once_make_one_job_of_a_subject(jobs):
    async def enqueue():
        async with jobs.database.write() as session:
            return await service.enqueue(session, type="a", input_type="test", subject="day")

    made = await asyncio.gather(*(enqueue() for _ in range(6)))
    assert [enqueued.is_new for enqueued in made].count(True) == 1
    assert len({enqueued.job.id for enqueued in made}) == 1
    assert await jobs.entries() == 1


async def test_a_new_job_has_not_been_updated(jobs):
    async with jobs.database.write() as session:
        enqueued = await service.enqueue(session, type="a", input_type="test", params={"said": "a\x00b"})
    job = await jobs.job(enqueued.job.id)
    assert (job.updated_at, enqueued.job.updated_at) == (None, None)
    assert job.queue_id == enqueued.job.queue_id is not None
    assert job.params == {"said": "a\\u0000b"}


async def test_an_entry_that_is_no_jobs_is_removed(jobs):
    for payload in ("NULL", "''", "'\\x01'", "decode(repeat('ab', 16), 'hex')"):
        await jobs.sql(
            "INSERT INTO pgqueuer (priority, status, entrypoint, payload)"
            f" VALUES (0, 'queued', 'plain', {payload})"
        )
    async with jobs.worker(JobType("plain", run, concurrency=9)):
        await jobs.until(await jobs.enqueue("plain"), "success")
        await asyncio.sleep(0.5)
    assert await jobs.entries() == 0


async def test_a_job_has_a_trace_of_its_own_unless_one_is_given(jobs):
    given = await jobs.job(await jobs.enqueue("a", trace_id="4bf92f3577b34da6a3ce929d0e0e4736"))
    own = await jobs.job(await jobs.enqueue("a"))
    assert given.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert len(own.trace_id) == 32
    assert int(own.trace_id, 16)


async def test_an_idle_worker_asks_little_of_the_database(jobs):
    async with jobs.worker(JobType("plain", run)):
        await asyncio.sleep(0.5)
        before = await _statements(jobs)
        began = time.monotonic()
        await asyncio.sleep(5)
        asked = await _statements(jobs) - before
        per_second = asked / (time.monotonic() - began)
    assert per_second < 5, (
        per_second
    )  # its transactions, the test's own, and the server's; polling would be ten and more


async def _statements(jobs):
    async with jobs.database.engine.connect() as connection:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        await connection.commit()
        return await connection.scalar(
            text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        )
