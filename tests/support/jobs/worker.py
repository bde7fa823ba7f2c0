"""A worker whose jobs say what they do, to be killed, frozen and stopped meanwhile (`support.processes.forks`)."""

import asyncio
import os
import signal
from typing import Any

from sqlalchemy import text

from daybook.db.engine import Database
from daybook.jobs import JobContext, JobType
from daybook.jobs.worker import Worker
from support.jobs.jobs import leave


async def three_steps(context: JobContext) -> None:
    """Three steps, each of which takes `seconds` and leaves rows when it begins and ends; then a page, once."""
    for number, name in enumerate(("cut", "describe", "write")):
        await context.progress(number / 3, phase=name)
        await context.step(name, lambda name=name: _step(context, name))

    async def page(session: Any) -> None:
        await leave_in(session, context, "page")

    await context.write_step("page", page)
    await leave(context, f"{context.attempt} end", os.getpid())


async def _step(context: JobContext, name: str) -> str:
    await leave(context, f"{name} begins", os.getpid())
    await asyncio.sleep(context.params.get("seconds", 0.05))
    await leave(context, f"{name} ends", os.getpid())
    return name


async def with_child(context: JobContext) -> None:
    """A real child process, ended in `finally`."""
    quiet = asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec("sleep", "1000", stdin=quiet, stdout=quiet)
    try:
        await leave(context, "child", child.pid)
        await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def in_transaction(context: JobContext) -> None:
    """At its first attempt stays in a transaction that holds the job."""
    if context.attempt > 1:
        return
    async with context.write() as session:
        await leave_in(session, context, "never committed")
        await leave(context, "holds")
        await asyncio.sleep(30)


async def leave_in(session: Any, context: JobContext, what: str) -> None:
    """Leave a row in the caller's transaction."""
    await session.execute(
        text("INSERT INTO work (job, what, pid) VALUES (:job, :what, :pid)"),
        {"job": context.job_id, "what": what, "pid": os.getpid()},
    )


TYPES = [
    JobType("three_steps", three_steps, concurrency=8, first_pause=0.1),
    JobType("hardy", three_steps, concurrency=8, attempts=1000, first_pause=0.05),
    JobType("one_at_a_time", three_steps),
    JobType("in_transaction", in_transaction),
    JobType("with_child", with_child, concurrency=8),
]


async def main(url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database.connect(url, pool=6)
    await Worker(database, url, TYPES, slots=4).work(stop)
    await database.close()
