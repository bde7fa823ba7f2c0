"""The accounts API."""

from fastapi import APIRouter

from daybook.accounts.endpoints import codes, groups, me, session, users

router = APIRouter(prefix="/api/v1")
for part in (session, me, users, groups, codes):
    router.include_router(part.router)
