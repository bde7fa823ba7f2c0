"""Delivery: each event goes to its handler once, in a transaction that holds the effect and the mark.

Any number of workers deliver side by side. An event is locked while it is delivered, and others pass it by; a worker
that is killed leaves neither effect nor mark, and the event is there for the next one at once. An event waits for all
earlier pending ones of its aggregate. Types and versions that this program does not know are left for one that does.
"""

import asyncio
import contextlib
import logging
import random
import time
from typing import Any, Literal

from sqlalchemy import TextClause, exists, func, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from daybook.db.engine import Database, WriteSession
from daybook.kit import faults
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
    """Deliver what is due, as it comes, until `stop`. A database that is away is tried again."""
    look_for_unknown = 0.0
    while not stop.is_set():
        pause = POLL
        try:
            if time.monotonic() >= look_for_unknown:
                await note_unknown(database, handlers)
                look_for_unknown = time.monotonic() + _LOOK_FOR_UNKNOWN
            if await deliver_next(database, handlers) is not None:
                continue
        except Exception as problem:  # noqa: BLE001  (whatever it is, later events must not be lost for it)
            log.warning("Events are not delivered at present: %s", words(problem))
            pause = _AFTER_FAILURE
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


async def deliver_next(database: Database, handlers: Handlers) -> Outcome | None:
    """Deliver the first event that is due and that nobody else is at; None where there is none.

    Raises what a database that is away raises; the event is as it was then.
    """
    async with database.write() as session:
        claimed = await _claim(session, handlers)
        if claimed is None:
            return None
        event, payload = claimed
        faults.point("outbox.claim.after")
        outcome = await _attempt(session, handlers, event, payload)
        faults.point("outbox.mark.after")
    faults.point("outbox.commit.after")
    return outcome


async def _claim(session: WriteSession, handlers: Handlers) -> tuple[Event, Any] | None:
    """Lock the first event that is due, unless an earlier one of its aggregate is pending.

    Another worker may consume an event between this statement's snapshot and its lock: PostgreSQL then looks at the
    row again, finds it no longer pending, and passes it by.
    """
    one, earlier = OutboxEvent, aliased(OutboxEvent)
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
                ~exists().where(
                    earlier.aggregate == one.aggregate, earlier.id < one.id, earlier.status == "pending"
                ),
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


async def _attempt(session: WriteSession, handlers: Handlers, event: Event, payload: Any) -> Outcome:
    """Consume `event`, or note why it was not; what a failed handler did is taken back."""
    try:
        async with asyncio.timeout(_TIME_LIMIT), session.begin_nested():
            await handlers.consume(session, event, payload)
            faults.point("outbox.handle.after")
    except Exception as problem:
        if isinstance(problem, DBAPIError) and problem.connection_invalidated:
            raise
        return await _fail(session, event, problem)
    await _mark(session, event, status="consumed", consumed_at=func.clock_timestamp(), error=None)
    return "consumed"


async def _fail(session: WriteSession, event: Event, problem: Exception) -> Outcome:
    attempts = event.attempts + 1
    reason = words(problem)
    if isinstance(problem, Undeliverable) or attempts >= MOST_ATTEMPTS:
        if not isinstance(problem, Undeliverable):
            reason = f"Given up after {attempts} attempts. {reason}"
        log.error("Event %d (%s) is dead: %s", event.id, event.type, reason)
        await _mark(session, event, status="dead", error=reason)
        return "dead"
    level = logging.INFO if isinstance(problem, NotYet) else logging.WARNING
    log.log(level, "Event %d (%s) failed, attempt %d: %s", event.id, event.type, attempts, reason)
    due = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, pause_after(attempts))
    await _mark(session, event, next_attempt_at=due, error=reason)
    return "retried"


async def _mark(session: WriteSession, event: Event, **values: Any) -> None:
    await session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.id == event.id)
        .values(attempts=event.attempts + 1, **values)
        .execution_options(synchronize_session=False)
    )


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
    """What went wrong in words for the event's row: no traceback, and no values out of the database's detail."""
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
