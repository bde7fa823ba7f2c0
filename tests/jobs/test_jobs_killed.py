"""Worker processes are killed, frozen and stopped: their jobs are taken over, and finished steps are not repeated.

Each of these mutations makes a test here or in `test_jobs_run.py` fail: writes without the token, heartbeats without
the worker, beginning another worker's entry, a claim without a lock, steps that are not looked up, a job given back as
failed, or without a notification.
"""

import asyncio
import os
import random
import signal
import time
from itertools import groupby, pairwise
from pathlib import Path

from support.jobs.jobs import new_jobs

TAKEN_OVER_WITHIN = 15.0

ALL_STEPS = [f"{step} {what}" for step in ("cut", "describe", "write") for what in ("begins", "ends")]


FAULTS = [
    ("jobs.begin.after", []),
    ("jobs.step.work.after:2", ["describe begins", "describe ends"]),  # done, but nobody noted it
    ("jobs.step.kept.after:2", []),
    ("jobs.write_step.commit.before", []),
    ("jobs.step.kept.after:4", []),  # the page is written
    ("jobs.end.before", []),
]


async def test_a_killed_workers_job_is_taken_over(forks, databases):
    """The worker is killed at every step, each time on a new database."""

    async def kill_and_look(fault, repeated):
        async with new_jobs(databases) as jobs:
            job_id = await jobs.enqueue("three_steps")
            doomed = await forks.start("jobs", jobs.url, fault=fault)
            assert await forks.ended(doomed) == -signal.SIGKILL
            assert (await jobs.job(job_id)).status == "processing"

            other = await forks.start("jobs", jobs.url)
            killed_at = time.monotonic()  # or later: a start waits its turn
            job = await jobs.until(job_id, "success")
            taken = time.monotonic() - killed_at
            assert await forks.stop(other) == 0

            assert taken < TAKEN_OVER_WITHIN, (fault, taken)
            assert job.attempts == 2
            done = [what for what in await jobs.done(job_id) if what not in {"1 end", "2 end"}]
            assert sorted(done) == sorted([*ALL_STEPS, *repeated, "page"]), fault
            assert await jobs.entries() == 0

    await asyncio.gather(*(kill_and_look(*fault) for fault in FAULTS))


async def test_a_job_whose_end_is_written_is_over_though_its_worker_is_killed_then(jobs, forks):
    job_id = await jobs.enqueue("three_steps")
    assert await forks.ended(await forks.start("jobs", jobs.url, fault="jobs.end.after")) == -signal.SIGKILL

    job = await jobs.job(job_id)
    assert (job.status, job.attempts) == ("success", 1)
    assert await jobs.entries() == 0


async def test_a_job_that_kills_its_worker_each_time_fails_for_good(jobs, forks):
    """Each death takes ten seconds; this tests the last of five."""
    job_id = await jobs.enqueue("three_steps")
    await jobs.sql("UPDATE inference_jobs SET attempts = 4")
    assert await forks.ended(await forks.start("jobs", jobs.url, fault="jobs.begin.after")) == -signal.SIGKILL

    other = await forks.start("jobs", jobs.url)
    job = await jobs.until(job_id, "failed")
    await forks.stop(other)

    assert job.error_code == "worker_lost"
    assert "died 5 times" in job.error_message
    assert await jobs.done(job_id) == []


async def test_a_frozen_worker_loses_its_job_and_can_write_nothing_on_it(jobs, forks):
    """When it wakes, its results are refused, its step is not stored and its work is stopped."""
    job_id = await jobs.enqueue("three_steps", params={"seconds": 1.5})
    slow = await forks.start("jobs", jobs.url)
    await jobs.until_done(job_id, "cut begins")
    os.kill(slow, signal.SIGSTOP)
    quick = await forks.start("jobs", jobs.url)
    try:
        while await jobs.sql("SELECT 1 FROM work WHERE pid = :pid", pid=quick) == []:
            await asyncio.sleep(0.05)
    finally:
        os.kill(slow, signal.SIGCONT)
    job = await jobs.until(job_id, "success")
    assert await forks.stop(slow) == 0
    assert await forks.stop(quick) == 0

    assert job.attempts == 2
    rows = await jobs.sql("SELECT what, pid FROM work ORDER BY id")
    by_slow = [row["what"] for row in rows if row["pid"] == slow]
    assert by_slow in (
        ["cut begins"],
        ["cut begins", "cut ends"],
    )  # its sleep may have ended while it was frozen
    assert [row["what"] for row in rows if row["pid"] == quick] == [*ALL_STEPS, "page", "2 end"]
    assert (await jobs.job(job_id)).status == "success"


async def test_a_frozen_worker_ends_its_work_when_it_wakes(jobs, forks):
    """Otherwise its child process would run for a quarter of an hour."""
    job_id = await jobs.enqueue("with_child")
    slow = await forks.start("jobs", jobs.url)
    await jobs.until_done(job_id, "child")
    os.kill(slow, signal.SIGSTOP)
    quick = await forks.start("jobs", jobs.url)
    try:
        while len(await jobs.done(job_id)) < 2:
            await asyncio.sleep(0.05)
    finally:
        os.kill(slow, signal.SIGCONT)
    old, new = [row["pid"] for row in await jobs.sql("SELECT pid FROM work ORDER BY id")]
    woken_at = time.monotonic()
    while _is_alive(old):
        assert time.monotonic() - woken_at < 2
        await asyncio.sleep(0.02)
    assert _is_alive(new)
    await jobs.cancel(job_id)
    await jobs.until(job_id, "cancelled")
    assert not _is_alive(new)
    for worker in (slow, quick):
        assert await forks.stop(worker) == 0


async def test_a_worker_frozen_while_it_holds_its_job_holds_nobody_up(jobs, forks):
    job_id = await jobs.enqueue("in_transaction")
    slow = await forks.start("jobs", jobs.url)
    await jobs.until_done(job_id, "holds")
    os.kill(slow, signal.SIGSTOP)
    frozen_at = time.monotonic()
    quick = await forks.start("jobs", jobs.url)
    try:
        job = await jobs.until(job_id, "success")
        assert time.monotonic() - frozen_at < TAKEN_OVER_WITHIN
    finally:
        os.kill(slow, signal.SIGCONT)
    assert await forks.stop(slow) == 0
    assert await forks.stop(quick) == 0
    assert (job.attempts, await jobs.done(job_id)) == (2, ["holds"])


async def test_a_worker_that_is_asked_to_stop_gives_its_job_back_at_once(jobs, forks):
    job_id = await jobs.enqueue("three_steps", params={"seconds": 2})
    first = await forks.start("jobs", jobs.url)
    await jobs.until_done(job_id, "describe begins")
    second = await forks.start("jobs", jobs.url)
    await asyncio.sleep(0.3)
    stopped_at = time.monotonic()
    assert await forks.stop(first) == 0
    assert time.monotonic() - stopped_at < 2
    while len([what for what in await jobs.done(job_id) if what == "describe begins"]) < 2:
        await asyncio.sleep(0.02)
    assert time.monotonic() - stopped_at < 2

    job = await jobs.until(job_id, "success")
    await forks.stop(second)
    assert job.attempts == 1  # it has not failed
    assert (await jobs.done(job_id)).count("cut begins") == 1


async def test_a_cancelled_job_ends_with_its_child_process(jobs, forks):
    job_id = await jobs.enqueue("with_child")
    worker = await forks.start("jobs", jobs.url)
    await jobs.until_done(job_id, "child")
    ((child,),) = [row.values() for row in await jobs.sql("SELECT pid FROM work")]
    assert _is_alive(child)

    asked_at = time.monotonic()
    assert (await jobs.cancel(job_id)).status == "processing"
    job = await jobs.until(job_id, "cancelled", within=2)
    assert time.monotonic() - asked_at < 2
    assert not _is_alive(child)
    assert (job.error_code, job.finished_at is not None) == (None, True)
    assert await jobs.entries() == 0
    await forks.stop(worker)


async def test_workers_side_by_side_do_each_job_once_and_no_more_than_allowed_at_a_time(jobs, forks):
    workers = [await forks.start("jobs", jobs.url) for _ in range(3)]
    ids = [await jobs.enqueue("one_at_a_time", params={"seconds": 0.01}) for _ in range(12)]
    for job_id in ids:
        await jobs.until(job_id, "success", within=60)
    for worker in workers:
        await forks.stop(worker)

    rows = await jobs.sql("SELECT job, min(at) AS begins, max(at) AS ends, count(*) FROM work GROUP BY job")
    spans = sorted((row["begins"], row["ends"]) for row in rows)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
    assert {row["count"] for row in rows} == {8}


async def test_many_workers_killed_at_random_do_every_job_once(jobs, forks):
    """No job has two workers at a time, pages are written once, and all jobs succeed."""
    ids = [await jobs.enqueue("hardy", params={"seconds": 0.15}) for _ in range(10)]
    workers = [await forks.start("jobs", jobs.url) for _ in range(3)]
    for _ in range(int(os.environ.get("CRASH_SECONDS", "0")) * 2 or 8):
        await asyncio.sleep(random.uniform(0.1, 0.7))
        doomed = workers.pop(random.randrange(len(workers)))
        number = random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        assert await forks.stop(doomed, number) in {-signal.SIGKILL, 0}
        workers.append(await forks.start("jobs", jobs.url))
    for job_id in ids:
        await jobs.until(job_id, "success", within=60)
    for worker in workers:
        assert await forks.stop(worker) == 0

    for job_id in ids:
        rows = await jobs.sql("SELECT what, pid FROM work WHERE job = :job ORDER BY id", job=job_id)
        turns = [pid for pid, _ in groupby(row["pid"] for row in rows)]
        assert len(turns) == len(set(turns)), rows  # who has lost a job does nothing more
        done = [row["what"] for row in rows]
        assert done.count("page") == 1, done
        assert set(ALL_STEPS) <= set(done)
        finished = [what for what in done if what.endswith("ends") and what != "ends"]
        order = [name for name, _ in groupby(what.split()[0] for what in finished)]
        assert order == ["cut", "describe", "write"], done  # none again after a later one
    assert await jobs.entries() == 0


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
