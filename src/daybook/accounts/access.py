"""Authorization in the signature of an endpoint: `CurrentUser`, `Administrator`."""

from datetime import timedelta
from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie

from daybook.accounts import service
from daybook.accounts.models import User
from daybook.accounts.service import NewSignIn, SignedIn
from daybook.db.dependencies import AppDatabase
from daybook.kit.clock import now
from daybook.kit.errors import Forbidden, Unauthenticated
from daybook.settings import Settings

COOKIE = "daybook_session"

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def app_settings(request: Request) -> Settings:
    """The settings of the application that serves `request`."""
    return cast("Settings", request.app.state.settings)


AppSettings = Annotated[Settings, Depends(app_settings)]


def caller_address(request: Request) -> str:
    """The client's address; behind a trusted proxy the server has restored it."""
    return request.client.host if request.client else "local"


CallerAddress = Annotated[str, Depends(caller_address)]

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="The cookie set by signing in.")
SessionCookie = Annotated[str | None, Depends(_cookie)]


def same_origin(request: Request) -> None:
    """Reject cross-site requests (CSRF), for every method that changes something.

    Browsers send `Sec-Fetch-Site` or at least `Origin`, and pages cannot change them. A request with neither comes
    from a program, which has no cookies to abuse.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        allowed = site in {"same-origin", "none"}
    else:
        allowed = origin is None or _host(origin) == request.headers.get("host", "").casefold()
    if not allowed:
        raise Forbidden(
            "Requests from pages of another site cannot change anything here.",
            code="cross_site",
        )


async def signed_in(
    response: Response, database: AppDatabase, settings: AppSettings, cookie: SessionCookie
) -> SignedIn:
    """Return the sign-in of the cookie, and extend it at most once in a 24th of its lifetime.

    It uses its own transaction, so that a request never holds two connections. Raises `Unauthenticated`.
    """
    found = None
    if cookie:
        async with database.read() as session:
            found = await service.find_sign_in(session, cookie)
    if cookie is None or found is None:
        raise Unauthenticated("You are not signed in, or the sign-in has expired: sign in first.")
    lifetime = timedelta(days=settings.session_days)
    if found.expires_at - now() < lifetime * 23 / 24:
        async with database.write() as session:
            expires_at = await service.extend_sign_in(session, found, lifetime)
        found = SignedIn(found.user, found.token_hash, expires_at)
        set_cookie(response, settings, NewSignIn(found.user, cookie, expires_at))
    return found


CurrentSignIn = Annotated[SignedIn, Depends(signed_in)]


def _current_user(signed_in: CurrentSignIn) -> User:
    return signed_in.user


CurrentUser = Annotated[User, Depends(_current_user)]
"""The signed-in user. The row is not attached to a session: load it again to change it."""


def _administrator(user: CurrentUser) -> User:
    if not user.is_admin:
        raise Forbidden("Only administrators may do this.")
    return user


Administrator = Annotated[User, Depends(_administrator)]
"""The signed-in user, who must be an administrator."""


def set_cookie(response: Response, settings: Settings, new: NewSignIn) -> None:
    """Set the cookie of a sign-in."""
    response.set_cookie(
        COOKIE,
        new.token,
        max_age=round((new.expires_at - now()).total_seconds()),
        path="/",
        secure=settings.cookie_secure,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response, settings: Settings) -> None:
    """Remove the cookie."""
    response.delete_cookie(COOKIE, path="/", secure=settings.cookie_secure, httponly=True, samesite="lax")


def _host(origin: str) -> str | None:
    """Host and port of an origin such as `https://daybook.example:8400`; None if it has none."""
    try:
        return urlsplit(origin).netloc.casefold() or None
    except ValueError:
        return None
