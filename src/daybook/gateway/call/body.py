"""The caller's body: read within a limit, parsed once, and changed only if a rule needs it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from email.message import Message
from typing import Any

import orjson

from daybook.gateway.errors import Refusal

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_IN_THREAD = 2**20  # a larger body is parsed beside the event loop
_SMALL = 16 * 2**10


class ClientDisconnected(Exception):
    """The caller closed the connection before its request was complete."""


class DisconnectSignal:
    """Set once the caller closes the connection."""

    __slots__ = ("_callback", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._callback: Callable[[], None] | None = None

    def on_set(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the signal is set, or now if it is."""
        self._callback = callback
        if self.is_set:
            callback()

    def set(self) -> None:
        """Record that the caller has left."""
        self.is_set = True
        if self._callback is not None:
            self._callback()


async def read_body(receive: Receive, headers: dict[str, str], limit: int) -> bytes:
    """Read the whole body. Raises `Refusal` past `limit` bytes (413) or on a stall (408), `ClientDisconnected` if it is
    cut off.
    """
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        try:
            message = await receive()
        except TimeoutError:
            words = "The request stalled in the middle of its body, so no model was called. Send it again."
            raise Refusal(408, "request_timeout", words) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "request_too_large", f"The request is larger than {limit:,} bytes, the maximum here.")


async def parse_json(body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """Parse the body as a JSON object. Raises `Refusal` (400, 415)."""
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Refusal(
            415,
            "wrong_content_type",
            f"Send 'Content-Type: application/json'; {media_type[:80]!r} is not accepted.",
        )
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(
            415, "wrong_content_encoding", "Send the body uncompressed: Content-Encoding is not accepted."
        )
    if not body:
        raise Refusal(400, "empty_body", "The request has no body. Send a JSON object.")
    try:
        parsed = _loads(body) if len(body) < _IN_THREAD else await asyncio.to_thread(_loads, body)
    except (ValueError, RecursionError) as problem:
        raise Refusal(400, "malformed_json", f"The body is not valid JSON: {problem!s:.200}.") from None
    if not isinstance(parsed, dict):
        raise Refusal(400, "malformed_json", "The body is JSON, but not an object. Send {…}.")
    return parsed


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except (
        orjson.JSONDecodeError
    ):  # it refuses lone surrogates and integers beyond 64 bits; a provider may not
        # As text: given bytes, it would take UTF-16 too, which nothing else here does.
        return json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def with_field(body: bytes, request: dict[str, Any], name: str, value: Any) -> bytes:
    """Return `body` with `name` set to `value`. A new field is put first and all other bytes stay; the body is written
    again only to replace a field. `request` (the parsed body) does not change.
    """
    if name not in request:
        start = body.index(b"{") + 1
        separator = b"," if request else b""
        return body[:start] + orjson.dumps({name: value})[1:-1] + separator + body[start:]
    return written({**request, name: value})


def written(request: dict[str, Any]) -> bytes:
    """Return `request` as JSON without repeated names, so that the provider reads the values that were checked."""
    try:
        return orjson.dumps(request)
    except (TypeError, ValueError):  # lone surrogates, or integers beyond 64 bits
        return json.dumps(request).encode()


def form_fields(body: bytes, headers: dict[str, str]) -> dict[str, str]:
    """Return the text fields of a multipart body, and the sizes of its files. Raises `Refusal` (400, 415)."""
    header = Message()
    header["content-type"] = headers.get("content-type", "")
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str) or not boundary:
        raise Refusal(
            415, "wrong_content_type", "Send 'Content-Type: multipart/form-data' with its boundary."
        )
    fields: dict[str, str] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        disposition = Message()
        for line in head.strip().splitlines():
            key, _, text = line.decode("utf-8", "replace").partition(":")
            if key.lower() == "content-disposition":
                disposition["content-disposition"] = text.strip()
        name = disposition.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        if disposition.get_filename() is not None or len(content) > _SMALL:
            fields[name] = f"<file, {len(content)} bytes>"
        else:
            fields[name] = content.decode("utf-8", "replace")
    if not fields:
        raise Refusal(400, "malformed_form", "The multipart body has no readable fields.")
    return fields
