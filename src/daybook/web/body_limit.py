"""The size limit of API requests. The gateway has its own limit."""

from contextlib import suppress
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daybook.web.errors import error_response

LARGEST_BODY = 2**20  # bytes

_LARGER = {"/api/v1/events/import": 10 * 2**20}
"""Limits of paths whose body is a file that is read whole, in bytes."""

STREAMED = "/api/v1/uploads"
"""Uploads below this path are streamed to disk and have their own limit."""


class BodyTooLargeError(Exception):
    """The body exceeds its limit."""


class BodyLimit:
    """Rejects a body that exceeds the limit of its path, before all of it is in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, or reject it with 413."""
        if scope["type"] != "http" or scope["path"].startswith(STREAMED):
            await self.app(scope, receive, send)
            return
        limit = _LARGER.get(scope["path"], LARGEST_BODY)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            await _refuse(scope, receive, send, limit)
            return
        received = 0
        refused = False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                refused = True
                raise BodyTooLargeError
            return message

        async def unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        with suppress(BodyTooLargeError):
            await self.app(scope, counted, unless_refused)
        if refused:
            await _refuse(scope, receive, send, limit)


async def _refuse(scope: Scope, receive: Receive, send: Send, limit: int) -> None:
    answer = error_response(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"The body is too large: at most {limit} bytes.",
        {"Connection": "close"},
    )
    await answer(scope, receive, send)
