"""Responses to callers, as ASGI messages."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson

from daybook.gateway.apis.families import Family
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange
from daybook.kit.retry_after import format_retry_after

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CALL_ID = b"x-daybook-call-id"
_PASSED_ON = (
    "x-daybook-replay-of",
    "retry-after",
    "request-id",
    "x-request-id",
    "openai-processing-ms",
    "content-disposition",
)
_UNREAD = frozenset({408, 413})  # the rest of the body is not read


async def send_whole(send: Send, exchange: Exchange, body: bytes, received: Mapping[str, str]) -> None:
    """Send a whole answer, with its length."""
    headers = _headers(exchange, received)
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def start_stream(send: Send, exchange: Exchange, received: Mapping[str, str]) -> None:
    """Send the head of an answer whose body follows in pieces."""
    await send({"type": "http.response.start", "status": 200, "headers": _headers(exchange, received)})


async def send_refusal(send: Send, family: Family, refusal: Refusal, call_id: UUID | None = None) -> None:
    """Send the refusal, in the shape of the called API."""
    body = orjson.dumps(family.error_body(refusal.status, refusal.code, refusal.message, refusal.param))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if call_id is not None:
        headers.append((CALL_ID, str(call_id).encode()))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", format_retry_after(refusal.retry_after).encode()))
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.allow is not None:
        headers.append((b"allow", refusal.allow.encode()))
    if refusal.status in _UNREAD:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(exchange: Exchange, received: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", exchange.media_type.encode("latin-1")),
        (CALL_ID, str(exchange.id).encode()),
    ]
    headers.extend(
        (b"x-daybook-budget-warning", words.encode("latin-1", "replace")) for words in exchange.warnings
    )
    for name in _PASSED_ON:
        value = received.get(name)
        if value is not None:
            headers.append((name.encode(), value.encode("latin-1")))
    return headers
