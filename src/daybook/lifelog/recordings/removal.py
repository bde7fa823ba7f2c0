"""Removal of objects that no recording has, after the commit that releases them.

Outbox events do it. Deleting is safe to repeat, so a handler may do it although the store is not part of the database
(docs/decisions/0011 and 0017).
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from daybook.db.engine import WriteSession
from daybook.ledger.outbox import service as outbox
from daybook.ledger.outbox.errors import NotYet
from daybook.ledger.outbox.handlers import Event, Handler
from daybook.ledger.outbox.schemas import NewEvent
from daybook.lifelog.recordings import repository
from daybook.storage.service import Store
from llm_tracker.ids import uuid7

DELETE = "storage.object.delete.requested"
DELETE_AGAIN = "storage.object.delete.again"
ANNOUNCED = "recording.file.announced"

_TAKEN_IN_WITHIN = timedelta(minutes=10)
"""A waiting event is tried twelve times within 14 to 23 minutes before it is dead."""


class Objects(BaseModel):
    """Keys of objects to remove."""

    keys: list[str]


class Announcement(BaseModel):
    """Key of an object that is about to be stored."""

    key: str


async def request(session: WriteSession, keys: list[str], subject: str) -> None:
    """Remove objects once the caller's transaction is committed, and again later: a cancelled job may still be storing
    one. `subject` names their owner: `recording:<id>`.
    """
    if keys:
        for event in (DELETE, DELETE_AGAIN):
            await outbox.publish(
                session, NewEvent(event, key=uuid7().hex, aggregate=subject, payload=Objects(keys=keys))
            )


async def announce(session: WriteSession, file_id: UUID, key: str) -> None:
    """Announce an object that is about to be stored. It is removed unless a recording claims it."""
    await outbox.publish(
        session,
        NewEvent(ANNOUNCED, key=str(file_id), aggregate=f"file:{file_id}", payload=Announcement(key=key)),
    )


async def remove_unclaimed(session: WriteSession, store: Store, key: str) -> bool:
    """Remove an object unless a recording has it. False if it is being ingested, so that nothing was decided."""
    if not await repository.lock_key(session, key, wait=False):
        return False
    if not await repository.is_claimed(session, key):
        await store.delete(key)
    return True


def handlers(store: Store) -> tuple[Handler[Any], ...]:
    """Return the outbox handlers of these events."""

    async def delete(session: WriteSession, event: Event, objects: Objects) -> None:
        del session, event
        for key in objects.keys:
            await store.delete(key)

    async def delete_again(session: WriteSession, event: Event, objects: Objects) -> None:
        if event.age < _TAKEN_IN_WITHIN:
            raise NotYet("A job that was stopped may still be storing some of them.")
        await delete(session, event, objects)

    async def look(session: WriteSession, event: Event, announcement: Announcement) -> None:
        if await repository.is_claimed(session, announcement.key):
            return
        if event.age < _TAKEN_IN_WITHIN:
            raise NotYet("The file may still be being stored.")
        if not await remove_unclaimed(session, store, announcement.key):
            raise NotYet("The file is being ingested.")

    return (
        Handler(DELETE, 1, Objects, delete),
        Handler(DELETE_AGAIN, 1, Objects, delete_again),
        Handler(ANNOUNCED, 1, Announcement, look),
    )
