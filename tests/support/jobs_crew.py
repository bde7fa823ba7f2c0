"""Worker processes to be killed: forked from one that has all imports done, so that each takes milliseconds. Run as a
program; the tests talk to it through `JobsCrew`.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from daybook.db.engine import Database
from daybook.jobs import JobContext, JobType
from daybook.jobs.worker import Worker
from daybook.kit import faults
from support.jobs import leave

NEVER_ENDED = 999
TESTS = Path(__file__).resolve().parents[1]


class JobsCrew:
    """Starts workers and tells how each ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()

    @classmethod
    @contextlib.asynccontextmanager
    async def at_work(cls) -> AsyncIterator["JobsCrew"]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "support.jobs_crew",
            cwd=TESTS,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield cls(process)
        finally:
            process.stdin.close()
            await process.wait()

    async def start(self, url: str, **kill: Any) -> int:
        """Start a worker, which may be killed at `fault`; its process id."""
        return await self._ask({"do": "start", "url": url, **kill})

    async def ended(self, pid: int) -> int:
        """Wait for the end of a worker; its exit status, negative by signal."""
        return await self._ask({"do": "wait", "pid": pid})

    async def stop(self, pid: int, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        os.kill(pid, number)
        return await self.ended(pid)

    async def _ask(self, what: dict[str, Any]) -> int:
        async with self._lock:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            return json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))


# What follows runs in the processes.


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
    from sqlalchemy import text

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


async def _work(url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database.connect(url, pool=6)
    await Worker(database, url, TYPES, slots=4).work(stop)
    await database.close()


def _fork(what: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    faults._NAME, faults._left = what.get("fault", ""), what.get("count", 1)
    random.seed()
    status = 1
    try:
        asyncio.run(_work(what["url"]))
        status = 0
    finally:
        os._exit(status)


def _ended(pid: int) -> int:
    """The exit status; one that never was if the process has to be killed for it."""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return NEVER_ENDED


def main() -> None:
    children: set[int] = set()
    for line in sys.stdin:
        what = json.loads(line)
        if what["do"] == "start":
            answer = _fork(what)
            children.add(answer)
        else:
            answer = _ended(what["pid"])
            children.discard(what["pid"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
