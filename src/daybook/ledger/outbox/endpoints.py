"""The outbox, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query

from daybook.accounts.access import Administrator
from daybook.db.dependencies import Reading, Writing
from daybook.kit.ids import BigRowId
from daybook.kit.pagination import Page, PageNumber, PageSize
from daybook.ledger.outbox import service
from daybook.ledger.outbox.schemas import EventFilter, EventType, OutboxEventResponse, RetryResponse, Status

router = APIRouter(prefix="/api/v1/admin/outbox", tags=["outbox"])


@router.get("")
async def list_outbox_events(
    _: Administrator,
    session: Reading,
    status: Status | None = None,
    event_type: Annotated[EventType | None, Query(alias="type")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 20,
) -> Page[OutboxEventResponse]:
    """List events, newest first: pending, consumed, and dead with the reason."""
    return await service.event_page(
        session, EventFilter(status=status, type=event_type), page=page, page_size=page_size
    )


@router.post("/retry")
async def retry_dead_events(_: Administrator, session: Writing) -> RetryResponse:
    """Try every dead event again."""
    return RetryResponse(retried=await service.retry_dead(session))


@router.get("/{event_id}")
async def get_outbox_event(event_id: BigRowId, _: Administrator, session: Reading) -> OutboxEventResponse:
    """One event."""
    return await service.event(session, event_id)


@router.post("/{event_id}/retry")
async def retry_event(event_id: BigRowId, _: Administrator, session: Writing) -> OutboxEventResponse:
    """Try an event again, now; one that was consumed is a conflict."""
    return await service.retry(session, event_id)
