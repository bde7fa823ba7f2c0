"""The accounts API."""

from fastapi import APIRouter

from daybook.accounts.endpoints import codes, groups, me, session, users

router = APIRouter()
for part in (session, me, users, groups, codes):
    router.include_router(part.router)
