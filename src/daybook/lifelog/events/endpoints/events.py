"""The events API: list, search, create, change, delete, merge and divide."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status

from daybook.accounts.access import CurrentUser
from daybook.db.dependencies import AppDatabase, Reading, Writing
from daybook.kit.errors import Invalid
from daybook.kit.pagination import Page, PageNumber, PageSize
from daybook.lifelog.day_fields import IsoDay
from daybook.lifelog.events import merge_and_divide, service
from daybook.lifelog.events.pictures import event_response, remove_pictures
from daybook.lifelog.events.schemas import (
    DivisionRequest,
    DivisionResponse,
    EventCreate,
    EventResponse,
    EventUpdate,
    MergerRequest,
)
from daybook.storage.dependencies import AppStore

router = APIRouter(prefix="/api/v1/events", tags=["events"])


@router.get("")
async def list_events(
    user: CurrentUser,
    session: Reading,
    store: AppStore,
    day: Annotated[IsoDay | None, Query(description="One day of your timezone.")] = None,
    first: Annotated[IsoDay | None, Query(alias="from", description="First day.")] = None,
    last: Annotated[IsoDay | None, Query(alias="to", description="Last day, which is included.")] = None,
    recording_id: UUID | None = None,
    q: Annotated[str, Query(max_length=200, description="Search text; best matches first.")] = "",
    described: bool | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[EventResponse]:
    """List events by time, or by rank for a search."""
    if day is not None and (first is not None or last is not None):
        raise Invalid("Name one day, or from and to.")
    wanted = service.EventFilter(day or first, day or last, recording_id, q, described)
    found = await service.list_events(session, user, wanted, page=page, page_size=page_size)
    views = [await event_response(store, user, event) for event in found.list]
    return Page[EventResponse].of(views, page=page, page_size=page_size, total=found.total)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_event(
    body: EventCreate, user: CurrentUser, session: Writing, store: AppStore
) -> EventResponse:
    """Create an event."""
    return await event_response(store, user, await service.create_event(session, user, body))


@router.post("/merger")
async def merge_events(
    body: MergerRequest, user: CurrentUser, database: AppDatabase, store: AppStore
) -> EventResponse:
    """Merge several events into the first in time."""
    async with database.write() as session:
        merged, pictures = await merge_and_divide.merge(session, user, body.event_ids)
    await remove_pictures(store, pictures)
    return await event_response(store, user, merged)


@router.get("/{event_id}")
async def get_event(event_id: UUID, user: CurrentUser, session: Reading, store: AppStore) -> EventResponse:
    """Return an event."""
    return await event_response(store, user, await service.get_event(session, user, event_id))


@router.patch("/{event_id}")
async def update_event(
    event_id: UUID, body: EventUpdate, user: CurrentUser, session: Writing, store: AppStore
) -> EventResponse:
    """Change an event. No job changes it again."""
    return await event_response(store, user, await service.update_event(session, user, event_id, body))


@router.delete("/{event_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_event(event_id: UUID, user: CurrentUser, database: AppDatabase, store: AppStore) -> None:
    """Delete an event, and its picture."""
    async with database.write() as session:
        picture = await service.delete_event(session, user, event_id)
    await remove_pictures(store, [picture])


@router.post("/{event_id}/division")
async def divide_event(
    event_id: UUID, body: DivisionRequest, user: CurrentUser, session: Writing, store: AppStore
) -> DivisionResponse:
    """Divide an event in two. Both parts have its texts."""
    first, second = await merge_and_divide.divide(session, user, event_id, body.at)
    return DivisionResponse(
        first=await event_response(store, user, first), second=await event_response(store, user, second)
    )
