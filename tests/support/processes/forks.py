"""Workers that are to be killed, forked from a process that has all imports done: to start Python anew for each takes
longer than what they do. Run as a program; the tests talk to it through `Forks`.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

from daybook.kit import failpoints
from support.gateway import internal_call_worker
from support.jobs import worker as jobs_worker
from support.ledger import outbox_worker
from support.lifelog import diary_worker

PROGRAMS = {
    "diary": diary_worker.main,
    "internal calls": internal_call_worker.main,
    "jobs": jobs_worker.main,
    "publish": outbox_worker.publish,
    "deliver": outbox_worker.deliver,
}
TESTS = Path(__file__).resolve().parents[2]


class Forks:
    """Starts workers and tells how each ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()
        self._running: set[int] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def ready(cls) -> AsyncIterator["Forks"]:
        """One process to fork from; what is left at the end is killed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "support.processes.forks",
            cwd=TESTS,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield cls(process)
        finally:
            process.stdin.close()
            await process.wait()

    async def start(self, program: str, *arguments: str, fault: str = "") -> int:
        """Start one of `PROGRAMS`, which may be killed at `fault` (as `DAYBOOK_FAILPOINT` names it); its process id."""
        pid = await self._ask({"program": program, "arguments": arguments, "fault": fault})
        self._running.add(pid)
        return pid

    async def ended(self, pid: int, within: float = 60) -> int:
        """Wait for the end of a worker; its exit status, negative by signal."""
        async with asyncio.timeout(within):
            while (status := await self._ask({"pid": pid})) is None:
                await asyncio.sleep(0.01)
            self._running.discard(pid)
            return status

    async def kill(self, pid: int) -> None:
        """Kill a worker that may have ended, and wait for its end."""
        if pid in self._running:
            os.kill(pid, signal.SIGKILL)
            await self.ended(pid)

    async def stop(self, pid: int, number: int = signal.SIGTERM) -> int:
        """Send a worker a signal and wait for its end; its exit status."""
        os.kill(pid, number)
        return await self.ended(pid)

    async def _ask(self, what: dict[str, Any]) -> Any:
        async with self._lock:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            return json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))


# What follows runs in the processes.


def main() -> None:
    children: set[int] = set()
    for line in sys.stdin:
        what = json.loads(line)
        if "program" in what:
            if what["program"] == "command":  # it imports all of Daybook
                PROGRAMS["command"] = import_module("support.processes.command").main
            answer = _fork(**what)
            children.add(answer)
        else:
            ended, status = os.waitpid(what["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
            children.discard(ended)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for child in children:
        os.kill(child, signal.SIGKILL)


def _fork(program: str, arguments: list[str], fault: str) -> int:
    child = os.fork()
    if child:
        return child
    failpoints._NAME, _, count = fault.partition(":")
    failpoints._left = int(count or 1)
    random.seed()
    status = 1
    try:
        begun = PROGRAMS[program](*arguments)
        if begun is not None:
            asyncio.run(begun)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
