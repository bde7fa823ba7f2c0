"""Queries over events: publication, delivery and administration."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, TextClause, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from daybook.db.engine import ReadSession, WriteSession
from daybook.ledger.outbox.handlers import Event
from daybook.ledger.outbox.models import OutboxEvent
from daybook.ledger.outbox.schemas import EventFilter

_LIMITS: TextClause = text(
    # A handler that hangs fails in time for its attempt to be counted; a worker that was frozen loses its lock.
    "SELECT set_config('statement_timeout', '30s', true),"
    " set_config('idle_in_transaction_session_timeout', '90s', true)"
)


async def add(session: WriteSession, values: dict[str, Any]) -> int | None:
    """Insert an event; return its id, or None if its key was published before."""
    written = await session.execute(
        insert(OutboxEvent)
        .values(values)
        .on_conflict_do_nothing(index_elements=["key", "type"])
        .returning(OutboxEvent.id)
    )
    return written.scalar_one_or_none()


async def page_of(
    session: ReadSession, wanted: EventFilter, *, limit: int, offset: int
) -> tuple[list[OutboxEvent], int]:
    """Return events, newest first, and the number of all."""
    where: list[ColumnElement[bool]] = [
        getattr(OutboxEvent, name) == value for name, value in wanted.model_dump(exclude_none=True).items()
    ]
    total = await session.scalar(select(func.count()).select_from(OutboxEvent).where(*where))
    query = select(OutboxEvent).where(*where).order_by(OutboxEvent.id.desc())
    return list(await session.scalars(query.limit(limit).offset(offset))), total or 0


async def find(session: ReadSession | WriteSession, event_id: int) -> OutboxEvent | None:
    """Return an event."""
    return await session.get(OutboxEvent, event_id)


async def unconsumed(session: ReadSession) -> dict[str, tuple[int, Any]]:
    """Return the number and the oldest publication of pending and of dead events."""
    rows = await session.execute(
        select(OutboxEvent.status, func.count(), func.min(OutboxEvent.created_at))
        .where(OutboxEvent.status != "consumed")
        .group_by(OutboxEvent.status)
    )
    return {status: (count, oldest) for status, count, oldest in rows}


async def retry(session: WriteSession, event_id: int) -> bool:
    """Make an event due now, with all its attempts; False if it was consumed or is missing."""
    tried = await session.scalar(
        _again().where(OutboxEvent.id == event_id, OutboxEvent.status != "consumed").returning(OutboxEvent.id)
    )
    return tried is not None


async def retry_dead(session: WriteSession) -> int:
    """Make every dead event due now; return their number."""
    rows = await session.execute(_again().where(OutboxEvent.status == "dead").returning(OutboxEvent.id))
    return len(rows.all())


def _again() -> Any:
    return update(OutboxEvent).values(status="pending", attempts=0, next_attempt_at=func.now(), error=None)


async def claim(session: WriteSession, known: Collection[tuple[str, int]]) -> tuple[Event, Any] | None:
    """Lock the first due event of a known type and version, unless an earlier one of its aggregate is pending.

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
                tuple_(one.type, one.version).in_(known),
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


async def mark_consumed(session: WriteSession, event: Event) -> None:
    """Mark a delivered event."""
    await session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.id == event.id)
        .values(
            status="consumed", consumed_at=func.clock_timestamp(), attempts=event.attempts + 1, error=None
        )
        .execution_options(synchronize_session=False)
    )


async def note_failure(session: WriteSession, event: Event, **changes: Any) -> None:
    """Store a failed attempt, unless the event has changed since."""
    await session.execute(
        update(OutboxEvent)
        .where(
            OutboxEvent.id == event.id,
            OutboxEvent.status == "pending",
            OutboxEvent.attempts == event.attempts,
        )
        .values(**changes)
        .execution_options(synchronize_session=False)
    )


async def note_unknown(session: WriteSession, known: Collection[tuple[str, int]], error: str) -> None:
    """Store `error` on pending events of other types and versions than `known`."""
    await session.execute(
        update(OutboxEvent)
        .where(
            OutboxEvent.status == "pending",
            OutboxEvent.error.is_(None),
            OutboxEvent.created_at < func.now() - text("interval '10 seconds'"),
            tuple_(OutboxEvent.type, OutboxEvent.version).not_in(known),
        )
        .values(error=error)
        .execution_options(synchronize_session=False)
    )
