"""Processes that publish and deliver, to be killed: forked from one that has all imports done, so that each takes
milliseconds. Run as a program; the tests talk to it through `Crew`.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from daybook.assistant.schemas import TokenAdjustment
from daybook.assistant.service import HANDLERS
from daybook.db.engine import Database
from daybook.kit import faults
from daybook.ledger import posting
from daybook.ledger.models import Line
from daybook.ledger.outbox import service
from daybook.ledger.outbox.delivery import deliver_next
from daybook.ledger.outbox.handlers import Handlers
from daybook.ledger.outbox.schemas import NewEvent

TESTS = Path(__file__).resolve().parents[1]


class Crew:
    """Starts crews of processes and tells how each ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "Crew":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "support.outbox_crew",
            cwd=TESTS,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def run(self, jobs: list[dict[str, Any]]) -> list[int]:
        """Run `jobs` at once, each in a process; their exit statuses, negative by signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(jobs).encode() + b"\n")
        return json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


def main() -> None:
    for line in sys.stdin:
        children = [_fork(job) for job in json.loads(line)]
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(json.dumps(statuses) + "\n")
        sys.stdout.flush()


def _fork(job: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        if (seconds := job.get("killed_after")) is not None:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        return child
    faults._NAME, faults._left = job.get("fault", ""), job.get("count", 1)
    random.seed()
    status = 1
    try:
        asyncio.run({"publish": _publish, "deliver": _deliver}[job["do"]](job))
        status = 0
    finally:
        os._exit(status)


async def _publish(job: dict[str, Any]) -> None:
    """A line and its event, in one transaction each."""
    database = Database.connect(job["url"], pool=2)
    for line_id, user_id, conversation_id, tokens in job["calls"]:
        async with database.write() as session:
            line = Line(
                id=UUID(line_id),
                user_id=user_id,
                conversation_id=conversation_id,
                model="m",
                total_tokens=tokens,
                posted_by="outbox",
            )
            session.add(line)
            adjustment = TokenAdjustment(
                user_id=user_id,
                conversation_id=UUID(conversation_id),
                tokens_delta=tokens,
                reason="title",
                triggered_at=datetime.now(UTC),
            )
            event = NewEvent(posting.ADJUSTMENT, line_id, f"conversation:{conversation_id}", adjustment)
            await service.publish(session, event)
            faults.point("publisher.commit.before")


async def _deliver(job: dict[str, Any]) -> None:
    """Deliver until nothing waits."""
    database, handlers = Database.connect(job["url"], pool=2), Handlers(HANDLERS)
    pending = text("SELECT count(*) FROM outbox_events WHERE status = 'pending'")
    while True:
        if await deliver_next(database, handlers) is None:
            async with database.read() as session:
                if await session.scalar(pending) == 0:
                    return
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    main()
