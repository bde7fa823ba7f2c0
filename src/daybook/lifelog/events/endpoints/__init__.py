"""The API of events."""

from fastapi import APIRouter

from daybook.lifelog.events.endpoints import describing, events

router = APIRouter()
router.include_router(events.router)
router.include_router(describing.router)
