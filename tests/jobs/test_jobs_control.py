"""Pausing and limiting types, maintenance, and a database that comes back."""

import asyncio
import logging

from daybook.jobs import JobContext, JobType, queue, type_settings
from daybook.jobs.maintenance import maintain
from daybook.jobs.schemas import JobTypeUpdate
from support.jobs.jobs import away, leave


async def plain(context: JobContext):
    await leave(context, "done")


async def change(jobs, job_type, **what):
    async with jobs.database.write() as session:
        return await type_settings.update(session, job_type, JobTypeUpdate(**what))


async def test_a_paused_type_starts_nothing_until_it_goes_on(jobs):
    async with jobs.worker(JobType("plain", plain), JobType("other", plain)):
        await jobs.until(await jobs.enqueue("plain"), "success")
        assert (await change(jobs, "plain", paused=True)).paused
        waits = await jobs.enqueue("plain")
        await jobs.until(await jobs.enqueue("other"), "success")
        await asyncio.sleep(0.5)
        assert (await jobs.job(waits)).status == "pending"
        await change(jobs, "plain", paused=False)
        await jobs.until(waits, "success", within=1)


async def test_the_limit_of_a_type_can_be_changed_while_jobs_wait(jobs):
    running, most, go_on = 0, 0, asyncio.Event()

    async def run(context: JobContext):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1

    ids = [await jobs.enqueue("limited") for _ in range(6)]
    async with jobs.worker(JobType("limited", run), slots=6), jobs.worker(JobType("limited", run), slots=6):
        await asyncio.sleep(0.7)
        assert running == 1
        answer = await change(jobs, "limited", concurrency=3)
        assert (answer.concurrency, answer.default_concurrency) == (3, 1)
        await asyncio.sleep(0.7)
        assert running == 3
        assert (await change(jobs, "limited", concurrency=None)).concurrency == 1
        go_on.set()
        for job_id in ids:
            await jobs.until(job_id, "success")
    assert most == 3


async def test_a_worker_does_only_so_many_jobs_at_a_time(jobs):
    running, most = 0, 0

    async def run(context: JobContext):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1

    ids = [await jobs.enqueue("many") for _ in range(5)]
    async with jobs.worker(JobType("many", run, concurrency=100), slots=2):
        for job_id in ids:
            await jobs.until(job_id, "success")
    assert most == 2


async def test_jobs_of_types_that_no_worker_knows_wait(jobs):
    unknown = await jobs.enqueue("from_the_future")
    async with jobs.worker(JobType("plain", plain)):
        await jobs.until(await jobs.enqueue("plain"), "success")
    assert (await jobs.job(unknown)).status == "pending"
    assert await jobs.entries() == 1


async def test_a_cancelled_job_of_a_dead_worker_ends_though_its_type_is_paused(jobs):
    job_id = await jobs.enqueue("plain")
    await _as_if_a_worker_had_it(jobs, job_id, "now()")
    assert (await jobs.cancel(job_id)).status == "processing"
    await maintain(jobs.database)
    assert (await jobs.job(job_id)).status == "processing"

    await jobs.sql("UPDATE pgqueuer SET heartbeat = now() - interval '1 minute'")
    await maintain(jobs.database)
    job = await jobs.job(job_id)
    assert (job.status, job.finished_at is not None) == ("cancelled", True)
    assert await jobs.entries() == 0


async def test_cancelling_a_job_of_a_dead_worker_ends_it_at_once(jobs):
    job_id = await jobs.enqueue("plain")
    await _as_if_a_worker_had_it(jobs, job_id, "now() - interval '1 minute'")
    assert (await jobs.cancel(job_id)).status == "cancelled"
    assert await jobs.entries() == 0


async def test_a_job_of_a_dead_worker_waits_while_its_type_is_paused(jobs):
    async with jobs.database.write() as session:
        await type_settings.register(session, [("plain", 1)])
    await change(jobs, "plain", paused=True)
    job_id = await jobs.enqueue("plain")
    await _as_if_a_worker_had_it(jobs, job_id, "now()")
    await maintain(jobs.database)
    assert (await jobs.job(job_id)).status == "processing"

    await jobs.sql("UPDATE pgqueuer SET heartbeat = now() - interval '1 minute'")
    await maintain(jobs.database)
    job = await jobs.job(job_id)
    assert (job.status, job.attempts) == ("pending", 1)

    await change(jobs, "plain", paused=False)
    async with jobs.worker(JobType("plain", plain)):
        job = await jobs.until(job_id, "success")
    assert job.attempts == 2
    assert await jobs.done(job_id) == ["done"]


async def _as_if_a_worker_had_it(jobs, job_id, heartbeat):
    await jobs.sql(
        f"UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid(), heartbeat = {heartbeat}"
    )
    await jobs.sql("UPDATE inference_jobs SET status = 'processing', attempts = 1, fencing_token = 1")


async def test_an_emptied_queue_is_filled_again(jobs):
    job_id = await jobs.enqueue("plain")
    await jobs.sql("TRUNCATE pgqueuer")
    await maintain(jobs.database)
    async with jobs.worker(JobType("plain", plain)):
        await jobs.until(job_id, "success")
    assert await jobs.done(job_id) == ["done"]


async def test_the_queues_log_and_old_steps_do_not_grow_for_ever(jobs):
    async def run(context: JobContext):
        await context.step("one", lambda: asyncio.sleep(0, 1))

    async with jobs.worker(JobType("steps", run)):
        old, new = await jobs.enqueue("steps"), await jobs.enqueue("steps")
        for job_id in (old, new):
            await jobs.until(job_id, "success")
    await jobs.sql(
        "UPDATE inference_jobs SET finished_at = now() - interval '31 days' WHERE id = :id", id=old
    )
    await jobs.sql("UPDATE pgqueuer_log SET created = now() - interval '25 hours' WHERE id % 2 = 0")
    (kept,) = await jobs.sql("SELECT count(*) FROM pgqueuer_log WHERE id % 2 = 1")

    await maintain(jobs.database)
    assert await jobs.sql("SELECT count(*) FROM pgqueuer_log") == [kept]
    assert kept["count"] > 0
    assert [row["job_id"] for row in await jobs.sql("SELECT job_id FROM job_steps")] == [new]
    assert await jobs.sql("SELECT 1 FROM pgqueuer_statistics") == []


async def test_work_goes_on_over_a_moment_without_the_database(jobs, databases):
    """Every connection is cut and new ones are refused for three seconds; the job continues and its result is kept."""
    told = asyncio.Event()

    async def run(context: JobContext):
        await leave(context, "begins")
        result = await context.step("slow", lambda: asyncio.sleep(1.5, "found"))
        await leave(context, result)
        told.set()

    job_id = await jobs.enqueue("slow")
    async with jobs.worker(JobType("slow", run)):
        await jobs.until_done(job_id, "begins")
        await asyncio.sleep(0.3)  # it is in its step, not in the answer to its last statement
        async with away(jobs, databases):
            await asyncio.sleep(3)
        job = await jobs.until(job_id, "success")
        assert told.is_set()
        assert job.attempts == 1
        await jobs.until(await jobs.enqueue("slow"), "success")  # and it listens again


async def test_a_worker_that_cannot_say_that_it_lives_stops_its_work_before_others_take_it(
    jobs, databases, monkeypatch
):
    monkeypatch.setattr("daybook.jobs.worker.HEARTBEAT_TIMEOUT", 1.0)
    stopped = asyncio.Event()

    async def run(context: JobContext):
        try:
            await leave(context, f"attempt {context.attempt}")
            if context.attempt == 1:
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.set()
            raise

    job_id = await jobs.enqueue("slow")
    async with jobs.worker(JobType("slow", run)):
        await jobs.until_done(job_id, "attempt 1")
        async with away(jobs, databases):
            await asyncio.wait_for(stopped.wait(), queue.SILENCE.total_seconds())
        job = await jobs.until(job_id, "success", within=20)
    assert job.attempts == 2


async def test_pgqueuer_says_nothing(jobs, caplog):
    caplog.set_level(logging.DEBUG, logger="pgqueuer")
    async with jobs.worker(JobType("plain", plain)):
        await jobs.until(await jobs.enqueue("plain"), "success")
    assert [record for record in caplog.records if record.name.startswith("pgqueuer")] == []
