"""The API of events."""

from fastapi import APIRouter

from daybook.lifelog.events.endpoints import describing, events, importing

router = APIRouter()
router.include_router(importing.router)
router.include_router(events.router)
router.include_router(describing.router)
