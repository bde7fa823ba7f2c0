"""The API of events."""

from fastapi import APIRouter

from daybook.lifelog.events.endpoints import events

router = APIRouter()
router.include_router(events.router)
