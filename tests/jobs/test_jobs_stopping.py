"""Concurrent ends of a job, its attempt and its worker leave no job waiting."""

import asyncio
import logging
import time

from daybook.jobs import JobContext, JobType, queue
from daybook.jobs.worker import Worker
from daybook.kit.errors import Upstream
from support.jobs.jobs import away, leave

ASKED = "UPDATE inference_jobs SET cancel_requested_at = clock_timestamp()"
"""What a cancellation writes, without telling the worker, which would act on it."""


async def sleeps(context: JobContext):
    await leave(context, "begins")
    await asyncio.sleep(60)


async def test_a_job_that_is_cancelled_as_its_attempt_fails_is_not_tried_again(jobs):
    """Otherwise it would be cancelled only after its pause."""

    async def run(context: JobContext):
        await jobs.sql(ASKED)
        raise Upstream("It does not answer.")

    job_id = await jobs.enqueue("fails")
    async with jobs.worker(JobType("fails", run, first_pause=60)):
        job = await jobs.until(job_id, "cancelled", within=5)
    assert job.finished_at is not None
    assert job.next_attempt_at is None
    assert await jobs.entries() == 0


async def test_a_job_that_is_cancelled_as_its_worker_stops_is_not_given_back(jobs):
    """Otherwise only another worker would cancel it."""
    job_id = await jobs.enqueue("sleeps")
    async with jobs.worker(JobType("sleeps", sleeps)):
        await jobs.until_done(job_id, "begins")
        await jobs.sql(ASKED)
    job = await jobs.job(job_id)
    assert (job.status, job.finished_at is not None) == ("cancelled", True)
    assert await jobs.entries() == 0


async def test_a_job_that_is_picked_as_its_worker_stops_is_given_back(jobs, monkeypatch):
    """Otherwise it would run until the worker's stop timeout and then be lost."""
    stop, pick = asyncio.Event(), queue.pick

    async def pick_and_stop(*arguments):
        picked = await pick(*arguments)
        stop.set()
        await asyncio.sleep(0.1)
        return picked

    monkeypatch.setattr(queue, "pick", pick_and_stop)
    job_id = await jobs.enqueue("sleeps")
    began = time.monotonic()
    await Worker(jobs.database, jobs.url, [JobType("sleeps", sleeps)], 1).work(stop)
    assert time.monotonic() - began < 5
    job = await jobs.job(job_id)
    assert (job.status, job.attempts) == ("pending", 0)
    ((status,),) = [row.values() for row in await jobs.sql("SELECT status FROM pgqueuer")]
    assert status == "queued"


async def test_a_worker_that_stops_without_its_database_asks_for_it_now_and_then(jobs, databases, caplog):
    """It gives its jobs back once the database is available again."""
    caplog.set_level(logging.WARNING, logger="daybook.jobs.worker")
    job_id = await jobs.enqueue("sleeps")
    stop = asyncio.Event()
    working = asyncio.create_task(Worker(jobs.database, jobs.url, [JobType("sleeps", sleeps)], 1).work(stop))
    await jobs.until_done(job_id, "begins")
    await asyncio.sleep(0.3)
    async with away(jobs, databases):
        stop.set()
        await asyncio.sleep(2)
    await asyncio.wait_for(working, 8)
    tries = [record for record in caplog.records if "database is unavailable" in record.message]
    assert 1 <= len(tries) < 10
    assert (await jobs.job(job_id)).status == "pending"
