"""The outbox: events written in the transaction of their cause, and their administration.

Invariants:

- An event is there if and only if the transaction that published it was committed.
- It is consumed exactly once: the handler's effect and the mark are one transaction (`delivery.py`).
- Events of one aggregate are consumed in the order of their ids. Concurrent transactions that publish for the same
  aggregate have no order, unless they lock its subject before they publish.
"""

from typing import Any

from daybook.db.engine import ReadSession, WriteSession
from daybook.kit import failpoints
from daybook.kit.errors import Conflict, NotFound
from daybook.kit.pagination import Page
from daybook.kit.text import storable
from daybook.ledger.outbox import repository
from daybook.ledger.outbox.models import OutboxEvent
from daybook.ledger.outbox.schemas import EventFilter, NewEvent, OutboxEventResponse, OutboxState


async def publish(session: WriteSession, new: NewEvent) -> int | None:
    """Write an event in the caller's transaction; return its id, or None if its key was published before."""
    event_id = await repository.add(
        session,
        {
            "type": new.type,
            "version": new.version,
            "aggregate": new.aggregate,
            "key": new.key,
            "payload": _storable(new.payload.model_dump(mode="json")),
        },
    )
    failpoints.point("outbox.publish.after")
    return event_id


async def event_page(
    session: ReadSession, wanted: EventFilter, *, page: int = 1, page_size: int = 20
) -> Page[OutboxEventResponse]:
    """Return events, newest first."""
    rows, total = await repository.page_of(session, wanted, limit=page_size, offset=(page - 1) * page_size)
    return Page[OutboxEventResponse].of(
        [_answer(row) for row in rows], page=page, page_size=page_size, total=total
    )


async def event(session: ReadSession | WriteSession, event_id: int) -> OutboxEventResponse:
    """Return one event. Raises `NotFound`."""
    row = await repository.find(session, event_id)
    if row is None:
        raise NotFound(f"There is no event {event_id}.")
    return _answer(row)


async def state(session: ReadSession) -> OutboxState:
    """Return the number of pending and of dead events."""
    found = await repository.unconsumed(session)
    pending, oldest = found.get("pending", (0, None))
    dead, _ = found.get("dead", (0, None))
    return OutboxState(pending=pending, dead=dead, oldest_pending_at=oldest)


async def retry(session: WriteSession, event_id: int) -> OutboxEventResponse:
    """Retry an event now, with all its attempts. Waits for a worker that delivers it.

    Raises `NotFound`, and `Conflict` for a consumed event.
    """
    if not await repository.retry(session, event_id):
        await event(session, event_id)
        raise Conflict(f"Event {event_id} was consumed; there is nothing to retry.")
    return await event(session, event_id)


async def retry_dead(session: WriteSession) -> int:
    """Retry every dead event; return their number."""
    return await repository.retry_dead(session)


def _answer(row: OutboxEvent) -> OutboxEventResponse:
    return OutboxEventResponse.model_validate(row, from_attributes=True)


def _storable(value: Any) -> Any:
    """`value` with all its text as PostgreSQL takes it."""
    match value:
        case str():
            return storable(value)
        case list():
            return [_storable(item) for item in value]
        case dict():
            return {storable(name): _storable(item) for name, item in value.items()}
        case _:
            return value
