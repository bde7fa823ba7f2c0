"""Delivery: each event goes to its handler once, in a transaction that holds the effect and the mark.

Any number of workers deliver side by side. An event is locked while it is delivered, and others pass it by; a worker
that is killed leaves neither effect nor mark, and the event is there for the next one at once. An event waits for all
earlier pending ones of its aggregate. Types and versions that this program does not know are left for one that does.
"""

import asyncio
import logging
import random
import time
from typing import Any, Literal

from sqlalchemy import TextClause, func, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from daybook.db.engine import Database, WriteSession
from daybook.kit import failpoints
from daybook.kit.loops import every
from daybook.kit.text import storable
from daybook.ledger.outbox.errors import NotYet, OutboxError, Undeliverable
from daybook.ledger.outbox.handlers import Event, Handlers
from daybook.ledger.outbox.models import OutboxEvent

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
_LIMITS: TextClause = text(
    # A handler that hangs fails in time for its attempt to be counted; a worker that was frozen loses its lock.
    "SELECT set_config('statement_timeout', '30s', true),"
    " set_config('idle_in_transaction_session_timeout', '90s', true)"
)
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
            claimed = await _claim(session, handlers)
            if claimed is None:
                return None
            event, payload = claimed
            failpoints.point("outbox.claim.after")
            async with asyncio.timeout(_TIME_LIMIT):
                await handlers.consume(session, event, payload)
            failpoints.point("outbox.handle.after")
            await _mark_consumed(session, event)
            failpoints.point("outbox.mark.after")
    except Exception as problem:
        if event is None:
            raise
        return await _note_failure(database, event, problem)
    failpoints.point("outbox.commit.after")
    return "consumed"


async def _claim(session: WriteSession, handlers: Handlers) -> tuple[Event, Any] | None:
    """Lock the first event that is due, unless an earlier one of its aggregate is pending.

    Another worker may consume an event between this statement's snapshot and its lock: PostgreSQL then looks at the
    row again, finds it no longer pending, and passes it by.
    """
    one, same = OutboxEvent, aliased(OutboxEvent)
    # Compared with, not joined: so it is asked for one event after the other, and the first that is due is enough.
    first = (
        select(func.min(same.id))
        .where(same.aggregate == one.aggregate, same.status == "pending")
        .scalar_subquery()
    )
    row = (
        await session.execute(
            select(
                one.id,
                one.type,
                one.version,
                one.aggregate,
                one.key,
                one.attempts,
                (func.clock_timestamp() - one.created_at).label("age"),
                one.payload,
            )
            .where(
                one.status == "pending",
                one.next_attempt_at <= func.now(),
                tuple_(one.type, one.version).in_(handlers.known),
                one.id == first,
            )
            .order_by(one.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=one)
        )
    ).one_or_none()
    if row is None:
        return None
    event_id, event_type, version, aggregate, key, attempts, age, payload = row
    await session.execute(_LIMITS)
    return Event(event_id, event_type, version, aggregate, key, attempts, age), payload


async def _mark_consumed(session: WriteSession, event: Event) -> None:
    await session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.id == event.id)
        .values(
            status="consumed", consumed_at=func.clock_timestamp(), attempts=event.attempts + 1, error=None
        )
        .execution_options(synchronize_session=False)
    )


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
        await session.execute(
            update(OutboxEvent)
            .where(
                OutboxEvent.id == event.id,
                OutboxEvent.status == "pending",
                OutboxEvent.attempts == event.attempts,
            )
            .values(attempts=attempts, error=reason, **changes)
            .execution_options(synchronize_session=False)
        )
    return outcome


async def note_unknown(database: Database, handlers: Handlers) -> None:
    """Say on events of types and versions unknown here that they wait for a program that knows them."""
    async with database.write() as session:
        await session.execute(
            update(OutboxEvent)
            .where(
                OutboxEvent.status == "pending",
                OutboxEvent.error.is_(None),
                OutboxEvent.created_at < func.now() - text("interval '10 seconds'"),
                tuple_(OutboxEvent.type, OutboxEvent.version).not_in(handlers.known),
            )
            .values(
                error="No worker that runs here knows this type and version; a newer one will consume it."
            )
            .execution_options(synchronize_session=False)
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
