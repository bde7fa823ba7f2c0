"""Mapping of errors to HTTP. The body of every error is `{"error": {"code", "message", "details"}}`.

An unexpected error gets a number that is also in the log. The log has its type and traceback but not its message, as
messages of databases and clients quote their input, secrets included.
"""

import logging
import secrets
import traceback
from collections.abc import Iterator
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daybook.db.errors import RETRY_AFTER, DatabaseUnavailable, is_unavailable
from daybook.kit.errors import (
    Conflict,
    DaybookError,
    Forbidden,
    Invalid,
    Limited,
    NotFound,
    Specifics,
    Unauthenticated,
    Unavailable,
    Upstream,
)
from daybook.kit.retry_after import format_retry_after
from daybook.kit.text import storable

log = logging.getLogger(__name__)

STATUS: dict[type[DaybookError], HTTPStatus] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Limited: HTTPStatus.TOO_MANY_REQUESTS,
    Upstream: HTTPStatus.BAD_GATEWAY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ErrorDetail(BaseModel):
    """An error: a code for programs, a message for users, and the values in it."""

    code: str
    message: str
    details: dict[str, str | int | float] = {}


class ErrorResponse(BaseModel):
    """The body of every error."""

    error: ErrorDetail


def install(app: FastAPI) -> None:
    """Register the error handlers of `app`."""
    app.add_middleware(UnexpectedErrors)
    app.add_exception_handler(DaybookError, _daybook_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(StaleDataError, _clash)
    app.add_exception_handler(PoolTimeoutError, _database_unavailable)
    app.add_exception_handler(OSError, _os_error)


def error_response(
    status: HTTPStatus,
    code: str,
    message: str,
    headers: dict[str, str] | None = None,
    details: Specifics | None = None,
) -> JSONResponse:
    """The response for an error."""
    body = error_body(code, message, details)
    return JSONResponse(body.model_dump(), status, headers=headers)


def error_body(code: str, message: str, details: Specifics | None = None) -> ErrorResponse:
    """The body of an error."""
    said = {
        name: storable(value) if isinstance(value, str) else value for name, value in (details or {}).items()
    }
    return ErrorResponse(error=ErrorDetail(code=code, message=storable(message), details=said))


class UnexpectedErrors:
    """Catches unexpected errors ahead of the server's handler, which would log their messages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request; respond with 500 to any error."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001  (the outermost handler)
            number = secrets.token_hex(8)
            log.error("Error %s in %s %s: %s", number, scope["method"], scope["path"], _described(error))  # noqa: TRY400  (its message may hold a secret)
            if started:
                # Too late for another response: a broken connection shows that this one is incomplete.
                raise BrokenResponseError(number) from None
            answer = error_response(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal",
                f"Something went wrong inside Daybook. Its log says more under {number}.",
                {"x-daybook-call-id": number},
                details={"number": number},
            )
            await answer(scope, receive, send)


class BrokenResponseError(Exception):
    """A response was cut off; the log has the details under this number."""


async def _daybook_error(_request: Request, error: Exception) -> JSONResponse:
    error = cast("DaybookError", error)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers: dict[str, str] = {}
    if isinstance(error, Limited) and error.retry_after is not None:
        headers["Retry-After"] = format_retry_after(error.retry_after)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Cookie"
    return error_response(status, error.code, error.message, headers, error.details)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    problems = cast("RequestValidationError", error).errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return error_response(HTTPStatus.BAD_REQUEST, "malformed_json", "The body is not JSON.")
    content_type = request.headers.get("content-type", "")
    if "json" not in content_type and any(problem["loc"] == ("body",) for problem in problems):
        return error_response(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "wrong_content_type",
            "Send a JSON body, with Content-Type: application/json.",
        )
    # Field and problem only, never the value: it may be a password.
    words = "; ".join(f"{_field(problem['loc'])}: {problem['msg']}" for problem in problems[:20])
    fields = ", ".join(dict.fromkeys(_field(problem["loc"]) for problem in problems[:20]))
    return error_response(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", f"{words}.", details={"fields": fields}
    )


def _field(location: tuple[int | str, ...]) -> str:
    return storable(".".join(str(part) for part in location[1:]) or str(location[0]), 100)


async def _http_exception(_request: Request, error: Exception) -> JSONResponse:
    error = cast("HTTPException", error)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers) if error.headers else None
    match status:
        case HTTPStatus.NOT_FOUND:
            return error_response(status, "unknown_path", "There is nothing at this path.", headers)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return error_response(status, "wrong_method", "This path does not support that method.", headers)
        case HTTPStatus.BAD_REQUEST:
            return error_response(status, "malformed_body", "The body cannot be read as JSON.", headers)
        case _:
            return error_response(status, status.name.lower(), status.description or status.phrase, headers)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    error = cast("DBAPIError", error)
    kind = (getattr(error.orig, "sqlstate", None) or "")[:2]
    if kind == "22":  # data exception: a number too large, text that is no UTF-8
        return error_response(HTTPStatus.BAD_REQUEST, "invalid", "A value cannot be stored as it was sent.")
    if kind in {"23", "40"}:  # a violated constraint or a deadlock
        return await _clash(request, error)
    if is_unavailable(error):
        return await _database_unavailable(request, error)
    raise error


async def _clash(request: Request, error: Exception) -> JSONResponse:
    """A concurrent write: the row to change is gone, for example."""
    log.warning("Conflict in %s %s: %s", request.method, request.url.path, _described(error))
    return error_response(
        HTTPStatus.CONFLICT, "conflict", "Another change was made at the same time. Try again."
    )


async def _os_error(request: Request, error: Exception) -> JSONResponse:
    """Asyncpg connects with plain sockets: an unreachable server is a bare OSError."""
    if any("asyncpg" in frame.filename for frame in traceback.extract_tb(error.__traceback__)):
        return await _database_unavailable(request, error)
    raise error


async def _database_unavailable(request: Request, error: Exception) -> JSONResponse:
    unavailable = DatabaseUnavailable()
    log.warning(
        "Database unavailable in %s %s (%s)", request.method, request.url.path, type(error).__qualname__
    )
    return error_response(
        HTTPStatus.SERVICE_UNAVAILABLE,
        unavailable.code,
        unavailable.message,
        {"Retry-After": f"{RETRY_AFTER:.0f}"},
    )


def _described(error: BaseException) -> str:
    """The types and tracebacks of `error` and its causes."""
    return " caused by ".join(
        f"{type(link).__module__}.{type(link).__qualname__} at\n"
        + "".join(traceback.format_tb(link.__traceback__))
        for link in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
