"""The listener: uvicorn's HTTP protocol, in which calls for the gateway take a shorter way.

Everything else goes uvicorn's own way. The gateway's calls stay ASGI, with two differences: the head of an
answer is written together with the first bytes of its body, and a callback tells when the caller has left, so
that no task has to wait for it. Both are a good part of a call's cost; `make bench-gateway` shows it.
"""

import asyncio
import http
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from daybook.gateway.apis import PREFIXES
from daybook.gateway.body import Departure

_PREFIXES = tuple(prefix.encode() for prefix in PREFIXES)
_STATUS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus
}

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class DoorProtocol(HttpToolsProtocol):
    """One connection of a caller."""

    def on_headers_complete(self) -> None:
        """Part of httptools' protocol: a request's head has come."""
        if not self.url.startswith(_PREFIXES):
            super().on_headers_complete()
            return
        parser = cast("httptools.HttpRequestParser", self.parser)
        url = httptools.parse_url(self.url)
        self.scope["method"] = parser.get_method().decode("ascii")
        self.scope["path"] = url.path.decode("ascii")
        self.scope["query_string"] = url.query or b""
        keeps = parser.get_http_version() != "1.0" and parser.should_keep_alive()
        cycle = DoorCycle(self, keep_alive=keeps, expects=self.expect_100_continue)
        before = cast("DoorCycle | None", self.cycle)
        self.cycle = cast("Any", cycle)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, cast("Any", self.app))
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, cast("Any", self.app)))

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol: the caller has left, or everything was said."""
        cycle = cast("Any", self.cycle)
        super().connection_lost(exc)
        if isinstance(cycle, DoorCycle) and not cycle.response_complete:
            cycle.departure.happen()


class DoorCycle:
    """One request for the gateway and its answer, with the attributes that uvicorn's protocol looks for."""

    def __init__(self, protocol: DoorProtocol, *, keep_alive: bool, expects: bool) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._flow: FlowControl = protocol.flow
        self._head: list[bytes] | None = None
        self._chunked = False
        self.departure = Departure()
        self.scope = cast("Message", protocol.scope)
        self.scope["extensions"] = {"daybook.departure": self.departure}
        self.message_event = asyncio.Event()
        self.keep_alive = keep_alive
        self.disconnected = False
        self.waiting_for_100_continue = expects
        self.body = bytearray()
        self.more_body = True
        self.response_started = False
        self.response_complete = False

    async def run_asgi(self, app: Application) -> None:
        """Run the application for this request. It answers its own failures; what is left is ended here."""
        try:
            await app(self.scope, self.receive, self.send)
        finally:
            if not self.response_complete and not self.disconnected:
                self._transport.close()

    async def receive(self) -> Message:
        """The next part of the request's body."""
        if self.waiting_for_100_continue and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if self.more_body and not self.body and not self.disconnected:
            self._flow.resume_reading()
            self.message_event.clear()
            await self.message_event.wait()
        if self.disconnected:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        if self.more_body:
            self._flow.resume_reading()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """The next part of the answer. The gateway keeps its headers clean."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._start(message)
        else:
            self._continue(message.get("body", b""), more=message.get("more_body", False))

    def _start(self, message: Message) -> None:
        self.response_started = True
        head = [_STATUS.get(message["status"]) or b"HTTP/1.1 %d \r\n" % message["status"]]
        self._chunked = True
        for name, value in (*self._protocol.server_state.default_headers, *message["headers"]):
            if name == b"content-length":
                self._chunked = False
            elif name == b"connection":
                self.keep_alive = False
                continue
            head += (name, b": ", value, b"\r\n")
        if self._chunked:
            head.append(b"transfer-encoding: chunked\r\n")
        head.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        self._head = head

    def _continue(self, body: bytes, *, more: bool) -> None:
        parts, self._head = self._head or [], None
        if not self._chunked:
            parts.append(body)
        elif body:
            parts += (b"%x\r\n" % len(body), body, b"\r\n")
        if self._chunked and not more:
            parts.append(b"0\r\n\r\n")
        self._transport.write(b"".join(parts))
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self._transport.close()
            self._protocol.on_response_complete()
