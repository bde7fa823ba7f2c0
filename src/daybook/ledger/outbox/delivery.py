"""Delivery: each event goes to its handler once, in a transaction that holds the effect and the mark.

Any number of workers deliver side by side. An event is locked while it is delivered, and others pass it by; a worker
that is killed leaves neither effect nor mark, and the event is there for the next one at once. An event waits for all
earlier pending ones of its aggregate. Types and versions that this program does not know are left for one that does.
"""

import asyncio
import logging
import random
import time
from typing import Literal

from sqlalchemy import func
from sqlalchemy.exc import DBAPIError

from daybook.db.engine import Database
from daybook.kit import failpoints
from daybook.kit.loops import every
from daybook.kit.text import storable
from daybook.ledger.outbox import repository
from daybook.ledger.outbox.errors import NotYet, OutboxError, Undeliverable
from daybook.ledger.outbox.handlers import Event, Handlers

log = logging.getLogger(__name__)

Outcome = Literal["consumed", "retried", "dead"]

MOST_ATTEMPTS = 12
"""With the pauses between them about 20 minutes."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds between attempts: doubled each time, up to the longest, and a quarter more or less of that."""

POLL = 0.5
"""Seconds between looks while nothing is due."""

_TIME_LIMIT = 60.0  # seconds that a handler may take
_AFTER_FAILURE = 2.0
_LONGEST_ERROR = 2000
_LOOK_FOR_UNKNOWN = 60.0


async def deliver(database: Database, handlers: Handlers, stop: asyncio.Event) -> None:
    """Deliver events as they become due, until `stop`."""
    look_for_unknown = 0.0

    async def deliver_one() -> float | None:
        nonlocal look_for_unknown
        if time.monotonic() >= look_for_unknown:
            await note_unknown(database, handlers)
            look_for_unknown = time.monotonic() + _LOOK_FOR_UNKNOWN
        return None if await deliver_next(database, handlers) is None else 0.0

    await every(POLL, deliver_one, stop, "Delivery of events", after_failure=_AFTER_FAILURE)


async def deliver_next(database: Database, handlers: Handlers) -> Outcome | None:
    """Deliver the first due event that no other worker has locked; None if there is none.

    Database errors are raised; the event is unchanged then.
    """
    event: Event | None = None
    try:
        async with database.write() as session:
            claimed = await repository.claim(session, handlers.known)
            if claimed is None:
                return None
            event, payload = claimed
            failpoints.point("outbox.claim.after")
            async with asyncio.timeout(_TIME_LIMIT):
                await handlers.consume(session, event, payload)
            failpoints.point("outbox.handle.after")
            await repository.mark_consumed(session, event)
            failpoints.point("outbox.mark.after")
    except Exception as problem:
        if event is None:
            raise
        return await _note_failure(database, event, problem)
    failpoints.point("outbox.commit.after")
    return "consumed"


async def _note_failure(database: Database, event: Event, problem: Exception) -> Outcome:
    """Count a failed attempt, whose transaction was rolled back. Changes of the event since then take precedence."""
    attempts = event.attempts + 1
    reason = words(problem)
    if isinstance(problem, Undeliverable) or attempts >= MOST_ATTEMPTS:
        if not isinstance(problem, Undeliverable):
            reason = f"Given up after {attempts} attempts. {reason}"
        changes, outcome, level = {"status": "dead"}, "dead", logging.ERROR
    else:
        pause = func.make_interval(0, 0, 0, 0, 0, 0, pause_after(attempts))
        changes, outcome = {"next_attempt_at": func.now() + pause}, "retried"
        level = logging.INFO if isinstance(problem, NotYet) else logging.WARNING
    log.log(level, "Event %d (%s), attempt %d, %s: %s", event.id, event.type, attempts, outcome, reason)
    async with database.write() as session:
        await repository.note_failure(session, event, attempts=attempts, error=reason, **changes)
    return outcome


async def note_unknown(database: Database, handlers: Handlers) -> None:
    """Say on events of types and versions unknown here that they wait for a program that knows them."""
    async with database.write() as session:
        await repository.note_unknown(
            session,
            handlers.known,
            "No worker that runs here knows this type and version; a newer one will consume it.",
        )


def pause_after(attempts: int) -> float:
    """Seconds to wait after that many failed attempts."""
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311  (spreads retries; nobody gains by guessing it)


def words(problem: Exception) -> str:
    """Describe the failure for the event's row: no traceback, and no values from the database's detail."""
    match problem:
        case OutboxError():
            said = problem.message
        case TimeoutError():
            said = f"The handler took longer than {_TIME_LIMIT:.0f} s."
        case DBAPIError():
            told = str(problem.orig)
            said = f"The database refuses: {(told.partition('>: ')[2] or told).partition(chr(10))[0]}"
        case _:
            said = f"{type(problem).__name__}: {problem}"
    return storable(said, _LONGEST_ERROR)
