"""The outbox: events written in the transaction of their cause, and their administration.

Invariants:

- An event is there if and only if the transaction that published it was committed.
- It is consumed exactly once: the handler's effect and the mark are one transaction (`delivery.py`).
- Events of one aggregate are consumed in the order of their ids. Concurrent transactions that publish for the same
  aggregate have no order, unless they lock its subject before they publish.
"""

from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert

from daybook.db.engine import ReadSession, WriteSession
from daybook.kit import failpoints
from daybook.kit.errors import Conflict, NotFound
from daybook.kit.pagination import Page
from daybook.kit.text import storable
from daybook.ledger.outbox.models import OutboxEvent
from daybook.ledger.outbox.schemas import EventFilter, NewEvent, OutboxEventResponse, OutboxState


async def publish(session: WriteSession, new: NewEvent) -> int | None:
    """Write an event in the caller's transaction; return its id, or None if its key was published before."""
    written = await session.execute(
        insert(OutboxEvent)
        .values(
            type=new.type,
            version=new.version,
            aggregate=new.aggregate,
            key=new.key,
            payload=_storable(new.payload.model_dump(mode="json")),
        )
        .on_conflict_do_nothing(index_elements=["key", "type"])
        .returning(OutboxEvent.id)
    )
    failpoints.point("outbox.publish.after")
    return written.scalar_one_or_none()


async def event_page(
    session: ReadSession, wanted: EventFilter, *, page: int = 1, page_size: int = 20
) -> Page[OutboxEventResponse]:
    """Events, newest first."""
    where: list[ColumnElement[bool]] = [
        getattr(OutboxEvent, name) == value for name, value in wanted.model_dump(exclude_none=True).items()
    ]
    total = await session.scalar(select(func.count()).select_from(OutboxEvent).where(*where))
    rows = await session.scalars(
        select(OutboxEvent)
        .where(*where)
        .order_by(OutboxEvent.id.desc())
        .limit(page_size)
        .offset((page - 1) * page_size)
    )
    events = [_answer(row) for row in rows]
    return Page[OutboxEventResponse].of(events, page=page, page_size=page_size, total=total or 0)


async def event(session: ReadSession | WriteSession, event_id: int) -> OutboxEventResponse:
    """One event. Raises `NotFound`."""
    row = await session.get(OutboxEvent, event_id)
    if row is None:
        raise NotFound(f"There is no event {event_id}.")
    return _answer(row)


async def state(session: ReadSession) -> OutboxState:
    """Return the number of pending and of dead events."""
    rows = await session.execute(
        select(OutboxEvent.status, func.count(), func.min(OutboxEvent.created_at))
        .where(OutboxEvent.status != "consumed")
        .group_by(OutboxEvent.status)
    )
    found: dict[str, tuple[int, Any]] = {status: (count, oldest) for status, count, oldest in rows}
    pending, oldest = found.get("pending", (0, None))
    dead, _ = found.get("dead", (0, None))
    return OutboxState(pending=pending, dead=dead, oldest_pending_at=oldest)


async def retry(session: WriteSession, event_id: int) -> OutboxEventResponse:
    """Try an event again, now and with all its attempts.

    Raises `NotFound`, and `Conflict` for one that is consumed. Waits for a worker that is at it.
    """
    tried = await session.scalar(
        _again().where(OutboxEvent.id == event_id, OutboxEvent.status != "consumed").returning(OutboxEvent.id)
    )
    if tried is None:
        await event(session, event_id)
        raise Conflict(f"Event {event_id} was consumed; there is nothing to try again.")
    return await event(session, event_id)


async def retry_dead(session: WriteSession) -> int:
    """Try every dead event again; how many there are."""
    rows = await session.execute(_again().where(OutboxEvent.status == "dead").returning(OutboxEvent.id))
    return len(rows.all())


def _again() -> Any:
    return update(OutboxEvent).values(status="pending", attempts=0, next_attempt_at=func.now(), error=None)


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
