"""The context of a job's work, and the outcome of the job."""

import asyncio
import logging
import time
from decimal import Decimal
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from daybook.jobs import JobContext, JobFailed, JobLost, JobType, claims
from daybook.jobs.queue import Entry
from daybook.kit.errors import Invalid, Limited, Unavailable, Upstream
from daybook.worker import _add_trace
from support.jobs.jobs import leave, raising


async def test_a_job_tells_what_it_is_at_and_what_it_took(jobs):
    seen = asyncio.Event()

    async def run(context: JobContext):
        await context.progress(0.25, phase="looking")
        await asyncio.sleep(0.2)
        await context.progress(0.5, phase="describing")
        context.metric("frames", 12)
        context.metric("cost", Decimal("0.00150"))
        await seen.wait()

    job_id = await jobs.enqueue("looks", params={"day": "2026-11-20"}, input_url="2026-11-20")
    async with jobs.worker(JobType("looks", run)):
        while (await jobs.job(job_id)).phase != "describing":
            await asyncio.sleep(0.02)
        job = await jobs.job(job_id)
        assert (job.status, job.attempts) == ("processing", 1)
        assert job.params == {"day": "2026-11-20", "progress": 0.5}
        seen.set()
        job = await jobs.until(job_id, "success")
    assert job.params["progress"] == 1
    assert job.phase is None
    seconds = job.metrics["seconds"]
    assert {name: value for name, value in job.metrics.items() if name != "seconds"} == {
        "frames": 12,
        "cost": "0.0015",
    }
    assert 0.2 <= seconds["looking"] < 2
    assert job.created_at <= job.started_at <= job.finished_at
    assert await jobs.entries() == 0


async def test_progress_is_written_a_few_times_a_second_at_most(jobs):
    async def run(context: JobContext):
        for number in range(2000):
            await context.progress(number / 2000, phase="counting")
        await asyncio.sleep(0.5)

    await jobs.sql(
        "CREATE FUNCTION note() RETURNS TRIGGER LANGUAGE plpgsql AS "
        "$$BEGIN INSERT INTO work (what) VALUES (NEW.params ->> 'progress'); RETURN NEW; END$$"
    )
    await jobs.sql("CREATE TRIGGER note BEFORE UPDATE ON inference_jobs FOR EACH ROW EXECUTE FUNCTION note()")
    job_id = await jobs.enqueue("counts")
    async with jobs.worker(JobType("counts", run)):
        await jobs.until(job_id, "success")
    written = [row["what"] for row in await jobs.sql("SELECT what FROM work ORDER BY id")]
    assert written[-1] == "1"
    assert written[-2] == "0.9995"  # the last word is not lost
    assert len(written) < 12


async def test_a_finished_step_gives_its_result_again_when_the_job_is_tried_again(jobs):
    problems = [OSError("no room"), None]

    async def run(context: JobContext):
        cut = await context.step("cut", lambda: _work(context, "cut", {"at": (1, 2), "text": "a\x00b"}))
        assert cut == {"at": [1, 2], "text": "a\\u0000b"}
        await context.write_step("page", lambda session: _write(session, context))
        if (problem := problems.pop(0)) is not None:
            raise problem
        await leave(context, "end")

    job_id = await jobs.enqueue("steps")
    async with jobs.worker(JobType("steps", run, first_pause=0.05)):
        job = await jobs.until(job_id, "success")
    assert job.attempts == 2
    assert (job.error_code, job.error_message) == (None, None)
    assert await jobs.done(job_id) == ["cut", "page", "end"]


async def _work(context, what, result):
    await leave(context, what)
    return result


async def _write(session, context):
    await session.execute(text("INSERT INTO work (job, what) VALUES (:job, 'page')"), {"job": context.job_id})


async def test_work_whose_transaction_fails_leaves_neither_effect_nor_step(jobs):
    async def run(context: JobContext):
        async def page(session):
            await _write(session, context)
            if context.attempt == 1:
                raise ValueError

        await context.write_step("page", page)

    job_id = await jobs.enqueue("steps")
    async with jobs.worker(JobType("steps", run, first_pause=0.05)):
        await jobs.until(job_id, "success")
    assert await jobs.done(job_id) == ["page"]


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (JobFailed("no_events", "There are no events on this day."), "no_events", "no events"),
        (Invalid("The video cannot be read."), "invalid", "cannot be read"),
        (Limited("It is used up.", code="budget_reached", retry_after=86400), "budget_reached", "used up"),
        (Upstream("The key is refused.", code="upstream_auth"), "upstream_auth", "refused"),
    ],
)  # fmt: skip
async def test_what_another_try_cannot_mend_fails_at_once_in_its_own_words(jobs, problem, code, words):
    job_id = await jobs.enqueue("raising")
    async with jobs.worker(raising(problem)) as worker:
        worker._is_lasting = lambda error: error.code == "upstream_auth"
        job = await jobs.until(job_id, "failed")
    assert (job.attempts, job.error_code) == (1, code)
    assert words in job.error_message
    assert job.finished_at is not None
    assert await jobs.entries() == 0


@pytest.mark.parametrize(
    "problem",
    [
        ValueError("sk-a-secret"),
        Upstream("The provider does not answer."),
        Unavailable("No room in the journal."),
        Limited("Too many calls.", retry_after=0.01),
        TimeoutError(),
    ],
)
async def test_what_may_mend_is_tried_again_after_growing_pauses_and_then_fails(jobs, problem):
    job_id = await jobs.enqueue("raising")
    async with jobs.worker(raising(*[problem] * 3, attempts=3, first_pause=0.1)):
        job = await jobs.until(job_id, "failed")
    rows = await jobs.sql("SELECT what, at FROM work ORDER BY id")
    assert [row["what"] for row in rows] == ["attempt 1", "attempt 2", "attempt 3"]
    pauses = [(later["at"] - earlier["at"]).total_seconds() for earlier, later in pairwise(rows)]
    assert 0.07 <= pauses[0] < 2
    assert 0.3 <= pauses[1] < 3
    assert job.attempts == 3
    assert job.error_code
    assert "sk-a-secret" not in job.error_message


async def test_a_job_between_two_attempts_waits_and_says_why(jobs):
    job_id = await jobs.enqueue("raising")
    async with jobs.worker(raising(Upstream("It does not answer."), first_pause=60)):
        while (await jobs.job(job_id)).error_message is None:
            await asyncio.sleep(0.02)
        job = await jobs.job(job_id)
        assert (job.status, job.error_message) == ("pending", "It does not answer.")
        assert 40 < (job.next_attempt_at - job.updated_at).total_seconds() < 80
        assert (await jobs.cancel(job_id)).status == "cancelled"
    assert await jobs.entries() == 0


async def test_no_pause_is_longer_than_ten_minutes(jobs):
    ids = [await jobs.enqueue("raising") for _ in range(8)]
    async with jobs.worker(raising(*[Upstream("It does not answer.")] * 8, first_pause=2400, concurrency=8)):
        for job_id in ids:
            while (job := await jobs.job(job_id)).next_attempt_at is None:
                await asyncio.sleep(0.02)
            assert 440 < (job.next_attempt_at - job.updated_at).total_seconds() < 601


async def test_an_attempt_may_take_only_so_long(jobs):
    async def run(context: JobContext):
        await asyncio.sleep(60)

    job_id = await jobs.enqueue("sleeps")
    async with jobs.worker(JobType("sleeps", run, time_limit=0.2)):
        job = await jobs.until(job_id, "failed", within=5)
    assert job.error_code == "time_limit"


async def test_a_person_tries_a_failed_job_again_with_all_its_attempts(jobs):
    job_id = await jobs.enqueue("raising")
    async with jobs.worker(raising(JobFailed("x", "y"), ValueError(), None, attempts=2)):
        await jobs.until(job_id, "failed")
        job = await jobs.retry(job_id)
        assert (job.status, job.attempts, job.error_code, job.finished_at) == ("pending", 0, None, None)
        job = await jobs.until(job_id, "success")
    assert job.attempts == 2


async def test_a_cancelled_job_stops_and_can_be_run_again(jobs):
    stopped = []

    async def run(context: JobContext):
        await context.step("first", lambda: _work(context, "first", None))
        if context.params.get("again") is None and not stopped:
            try:
                await asyncio.sleep(60)
            finally:
                stopped.append(True)

    job_id = await jobs.enqueue("sleeps")
    async with jobs.worker(JobType("sleeps", run)):
        await jobs.until_done(job_id, "first")
        await asyncio.sleep(0.1)
        asked_at = time.monotonic()
        await jobs.cancel(job_id)
        job = await jobs.until(job_id, "cancelled")
        assert time.monotonic() - asked_at < 2
        assert (stopped, job.error_code) == ([True], None)
        await jobs.retry(job_id)
        await jobs.until(job_id, "success")
    assert await jobs.done(job_id) == ["first"]


async def test_work_that_does_not_obey_is_told_again(jobs, monkeypatch):
    monkeypatch.setattr("daybook.jobs.job_attempt._PATIENCE", 0.2)

    async def run(context: JobContext):
        await leave(context, "begins")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    job_id = await jobs.enqueue("stubborn")
    async with jobs.worker(JobType("stubborn", run)):
        await jobs.until_done(job_id, "begins")
        await jobs.cancel(job_id)
        await jobs.until(job_id, "cancelled", within=3)


async def test_nothing_is_written_by_an_attempt_that_lost_its_job(jobs):
    """The job is taken over; every kind of write is refused."""
    refused = []

    async def run(context: JobContext):
        await jobs.sql("UPDATE inference_jobs SET fencing_token = fencing_token + 1")
        for write in (
            lambda: context.step("s", lambda: _work(context, "step", 1)),
            lambda: context.write_step("w", lambda session: _write(session, context)),
            lambda: _write_in(context),
        ):
            try:
                await write()
            except JobLost:
                refused.append(True)
            else:
                refused.append(False)

    async def _write_in(context):
        async with context.write() as session:
            await _write(session, context)

    job_id = await jobs.enqueue("lost")
    async with jobs.worker(JobType("lost", run)):
        while len(refused) < 3:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        assert refused == [True] * 3
        assert (await jobs.job(job_id)).status == "processing"  # its end was refused, too
    assert await jobs.done(job_id) == []
    assert await jobs.sql("SELECT 1 FROM job_steps") == []


async def test_nobody_takes_a_job_over_within_its_transaction(jobs):
    """Otherwise the transaction could be committed after the other attempt has begun."""
    said = []

    async def run(context: JobContext):
        async with context.write():
            try:
                await jobs.sql(
                    "WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '200ms', true))"
                    " UPDATE inference_jobs SET fencing_token = fencing_token + 1 FROM patience"
                )
            except DBAPIError as problem:
                said.append(str(problem.orig))

    job_id = await jobs.enqueue("holds")
    async with jobs.worker(JobType("holds", run)):
        await jobs.until(job_id, "success")
    assert len(said) == 1
    assert "lock timeout" in said[0]


async def test_an_entry_that_another_worker_has_by_now_is_not_begun(jobs):
    """A worker may be slow between picking an entry and beginning its job."""
    job_id = await jobs.enqueue("plain")
    await jobs.sql("UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid()")
    ((entry_id,),) = [row.values() for row in await jobs.sql("SELECT id FROM pgqueuer")]

    assert await claims.begin(jobs.database, Entry(entry_id, "plain", job_id), uuid4(), 5) is None
    job = await jobs.job(job_id)
    assert (job.status, job.attempts, await jobs.entries()) == ("pending", 0, 1)


async def test_what_the_work_logs_has_the_jobs_trace(jobs, caplog):
    async def run(context: JobContext):
        logging.getLogger("somewhere").warning("It is dark in this video.")

    job_id = await jobs.enqueue("logs")
    caplog.handler.addFilter(_add_trace)
    async with jobs.worker(JobType("logs", run)):
        job = await jobs.until(job_id, "success")
    caplog.handler.removeFilter(_add_trace)
    traces = {record.name: record.trace for record in caplog.records}
    assert traces["somewhere"] == f" [{job.trace_id}]"
