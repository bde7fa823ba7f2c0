"""Sign-in and sign-out."""

from datetime import timedelta

from fastapi import APIRouter, Response, status

from daybook.accounts import service
from daybook.accounts.access import (
    AppSettings,
    CallerAddress,
    CurrentSignIn,
    SessionCookie,
    clear_cookie,
    set_cookie,
)
from daybook.accounts.schemas import SessionResponse, SignInRequest, UserResponse
from daybook.db.dependencies import AppDatabase, Writing

router = APIRouter(prefix="/api/v1/session", tags=["session"])


@router.post("")
async def sign_in(
    body: SignInRequest,
    response: Response,
    database: AppDatabase,
    settings: AppSettings,
    address: CallerAddress,
) -> SessionResponse:
    """Sign in. The response sets a cookie."""
    new = await service.sign_in(
        database,
        body.account,
        body.password.get_secret_value(),
        address=address,
        lifetime=timedelta(days=settings.session_days),
    )
    set_cookie(response, settings, new)
    return SessionResponse(user=UserResponse.model_validate(new.user), expires_at=new.expires_at)


@router.get("")
async def get_session(signed_in: CurrentSignIn) -> SessionResponse:
    """Return the signed-in user."""
    return SessionResponse(user=UserResponse.model_validate(signed_in.user), expires_at=signed_in.expires_at)


@router.delete("", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out(
    response: Response, session: Writing, settings: AppSettings, cookie: SessionCookie
) -> None:
    """Sign out. Without a sign-in nothing happens."""
    if cookie:
        await service.sign_out(session, cookie)
    clear_cookie(response, settings)
