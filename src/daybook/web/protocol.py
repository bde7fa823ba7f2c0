"""The listener: uvicorn's HTTP protocol, with a shorter path for the gateway's calls.

Everything else is uvicorn's. The gateway's calls stay ASGI, with two differences: the head of a response is written
with the first bytes of its body, and a callback reports that the caller has left, so that no task waits for it. Both
save a good part of a call's cost; `make bench-gateway` prints the total.

The limits below apply to all requests.
"""

import asyncio
import http
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast
from urllib.parse import unquote_to_bytes

import httptools
import orjson
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.apis.table import PREFIXES
from daybook.gateway.call.body import DisconnectSignal

HEAD_LIMIT = 64 * 2**10
"""Maximum bytes of a request's head that arrives in pieces; one that arrives at once may be longer."""

HEAD_SECONDS = 30.0
"""Maximum seconds for a head to arrive."""

BODY_SECONDS = 60.0
"""Maximum seconds of silence in a request's body."""

STALLED_SECONDS = 120.0
"""Maximum seconds for which a caller may read nothing of a waiting response."""

LINGER_SECONDS = 10.0
"""Seconds in which a refused caller may continue to send. Closing at once would reset the connection before the caller
reads the refusal."""

_STATUS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus
}

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class _Nowhere:
    """Replaces a request's list of headers once it is complete, so that trailers are ignored."""

    def append(self, _header: tuple[bytes, bytes]) -> None:
        """Ignore a header."""


class GatewayProtocol(HttpToolsProtocol):
    """One connection of a caller."""

    _in_head = False
    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None
    _upgrading = False
    _deaf = False
    _running: Any = None
    """The request in progress; `cycle` is the one received last."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol. A connection without a request is closed like an idle one."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        was_in_head = self._in_head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400, "malformed_http", "The request is malformed or ambiguous HTTP.")
        if self._in_head:
            self._wait_for_head(len(data) if was_in_head else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol: the caller has left, or the server has closed."""
        super().connection_lost(exc)
        self._head_is_over()
        running = self._running
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        self.pipeline.clear()
        if isinstance(running, GatewayCycle) and not running.response_complete:
            running.leave()
        # Break the reference cycle, so that no garbage collection is needed.
        self.cycle = self._running = cast("Any", None)

    def on_message_begin(self) -> None:
        """Part of httptools' protocol: a request begins."""
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_headers_complete(self) -> None:
        """Part of httptools' protocol: a request's head is received."""
        self._head_is_over()
        parser = self.parser
        if parser.should_upgrade():
            self._upgrading = True
            return
        url = httptools.parse_url(self.url)
        path = unquote_to_bytes(url.path).decode("utf-8", "replace")
        if not path.startswith(PREFIXES):
            super().on_headers_complete()
            self.headers = cast("Any", _Nowhere())
            return
        self.headers = cast("Any", _Nowhere())
        version = parser.get_http_version()
        self.scope["http_version"] = version
        self.scope["method"] = parser.get_method().decode("ascii")
        self.scope["path"] = path
        self.scope["query_string"] = url.query or b""
        keeps = version != "1.0" and parser.should_keep_alive()
        cycle = GatewayCycle(self, keep_alive=keeps, expects=self.expect_100_continue)
        before = cast("GatewayCycle | None", self.cycle)
        self.cycle = cast("Any", cycle)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, cast("Any", self.app))
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, cast("Any", self.app)))

    def on_message_complete(self) -> None:
        """Part of httptools' protocol: a whole request is received."""
        if not self._upgrading:
            super().on_message_complete()

    def hang_up(self, *, unread: bool) -> None:
        """Close the connection once all is written. `unread`: the request is not yet received whole."""
        if not unread:
            self.transport.close()
            return
        self._deaf = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _wait_for_head(self, more: int) -> None:
        """Limit the size and the time of a partial head."""
        self._head_size += more
        if self._head_size > HEAD_LIMIT:
            words = f"The request's headers are larger than {HEAD_LIMIT:,} bytes."
            self._refuse(431, "headers_too_large", words)
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_over(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _decline_upgrade(self, rest: bytes) -> None:
        """Answer in HTTP/1.1, as any server may. The parser takes the bytes after the head for another protocol, but
        callers (such as Java's HTTP client, with every request) send a plain body: it is parsed again.
        """
        self._upgrading = False
        parser = self.parser
        method = parser.get_method()
        if method == b"CONNECT":
            self._refuse(405, "method_not_allowed", "This is not a proxy.")
            return
        kept = [(name, value) for name, value in self.headers if name not in {b"upgrade", b"connection"}]
        head = b"".join(b"%s: %s\r\n" % header for header in kept)
        version = parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"%s %s HTTP/%s\r\n%s\r\n%s" % (method, self.url, version, head, rest))

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Reject a request whose head cannot be parsed, and stop reading."""
        self._head_is_over()
        running = self._running
        if running is not None and not running.response_complete:
            self.transport.abort()  # another response is in progress
            return
        body = orjson.dumps(OPENAI_FAMILY.error_body(status, code, message, None))
        self.transport.write(
            b"%scontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (_STATUS[status], len(body), body)
        )
        self.hang_up(unread=True)


class GatewayCycle:
    """One request for the gateway and its response, with the attributes that uvicorn's protocol needs."""

    def __init__(self, protocol: GatewayProtocol, *, keep_alive: bool, expects: bool) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._flow: FlowControl = protocol.flow
        self._head: list[bytes] | None = None
        self._chunked = False
        self._disconnect = DisconnectSignal()
        self.scope = cast("Message", protocol.scope)
        self.scope["extensions"] = {"daybook.disconnect": self._disconnect}
        self.message_event = asyncio.Event()
        self.keep_alive = keep_alive
        self.disconnected = False
        self.waiting_for_100_continue = expects
        self.body = bytearray()
        self.more_body = True
        self.response_started = False
        self.response_complete = False

    async def run_asgi(self, app: Application) -> None:
        """Run the application, which handles its failures. A response that is still open is cut off here."""
        try:
            await app(self.scope, self.receive, self.send)
        finally:
            if not self.response_complete and not self.disconnected:
                # A missing last chunk shows that the response is not whole; a plain end would not.
                (self._transport.close if self._chunked else self._transport.abort)()

    def leave(self) -> None:
        """Record that the caller has closed the connection."""
        self.disconnected = True
        self.message_event.set()
        self._disconnect.set()

    async def receive(self) -> Message:
        """Return the next part of the request's body. Raises `TimeoutError` if none arrives."""
        if self.waiting_for_100_continue and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if self.more_body and not self.body and not self.disconnected:
            self._flow.resume_reading()
            self.message_event.clear()
            async with asyncio.timeout(BODY_SECONDS):
                await self.message_event.wait()
        if self.disconnected:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        if self.more_body:
            self._flow.resume_reading()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Send the next part of the response. The gateway validates its headers."""
        if self._flow.write_paused and not self.disconnected:
            await self._drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._start(message)
        else:
            self._continue(message.get("body", b""), more=message.get("more_body", False))

    async def _drain(self) -> None:
        """Wait for a slow caller. One that reads nothing counts as gone."""
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._flow.drain()
        except TimeoutError:
            self._transport.abort()
            await self._flow.drain()

    def _start(self, message: Message) -> None:
        self.response_started = True
        head = [_STATUS.get(message["status"]) or b"HTTP/1.1 %d \r\n" % message["status"]]
        self._chunked = self.scope["http_version"] == "1.1"
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
        if self.scope["method"] != "HEAD":
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
                self._protocol.hang_up(unread=self.more_body)
            self._protocol.on_response_complete()
