"""One HTTP/1.1 connection to a provider for the hot path: send a request, receive bytes.

Reasons for not using a general client: `docs/decisions/0002-gateway-ahead-of-the-application.md`. httptools, the
parser of Node.js, parses responses.
"""

import asyncio
import zlib
from collections import deque
from typing import Protocol, cast

import httptools

_HIGH_WATER = 512 * 1024  # bytes that may wait for a slow caller before reading from the provider pauses
_HEAD_LIMIT = 2**20  # bytes of a response's head, with informational responses before it
_UNPACKED = 64 * 2**20  # bytes that a compressed body may unpack to, although none is requested
_INFORMATIONAL = 200


class Decoder(Protocol):
    """A decompressor."""

    @property
    def unconsumed_tail(self) -> bytes:
        """Input that was not unpacked yet, since `max_length` was reached."""
        ...

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """Return the next bytes, unpacked; at most `max_length`."""
        ...


class Broken(Exception):
    """The connection broke off, or the bytes received are not HTTP."""


class Silent(Exception):
    """Nothing was received within the time-out."""


class Connection(asyncio.Protocol):
    """A connection that carries one call at a time.

    `send` begins a call, `head` waits for its status and headers, `chunk` for its body piece by piece.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._limit = 0.0
        self._idle_limit = 0.0
        self._error: Exception | None = None
        self._busy = False
        self._has_head = False
        self._head_size = 0
        self._decoder: Decoder | None = None
        self._room = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        """True once the whole response is received."""
        self.reusable = False
        """True if another call may follow on this connection."""
        self.answered = False
        """True once a byte is received after the call was sent."""

    # The call

    def send(self, head: bytes, body: bytes, *, first_byte: float, idle: float) -> None:
        """Send a request. `first_byte` and `idle` are the longest silences before and after the response begins, in
        seconds. Raises `Broken`.
        """
        if self._transport is None:
            raise Broken("the connection was closed")
        self._reset(first_byte, idle)
        if len(body) < 2**16:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    async def head(self) -> None:
        """Wait for `status` and `headers`. Raises `Broken` or `Silent`."""
        while not self._has_head:
            await self._wait()

    async def chunk(self) -> bytes:
        """Return the next bytes of the body, empty at its end. Raises `Broken` or `Silent`."""
        while not self._chunks:
            if self.complete:
                return b""
            await self._wait()
        data = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def release(self) -> bool:
        """End the call. Returns True if another may follow; else the connection is closed."""
        self._busy = False
        if self.complete and self.reusable and not self._chunks and self._error is None and not self.closed:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close the connection at once, so that the provider stops."""
        if self._error is None and not self.complete:
            self._fail(Broken("closed by the gateway"))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    @property
    def closed(self) -> bool:
        """True if nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    def _reset(self, first_byte: float, idle: float) -> None:
        self._busy, self._has_head, self._decoder = True, False, None
        self._head_size = 0
        self.status, self.headers = 0, {}
        self.complete = self.reusable = self.answered = False
        self._since, self._limit, self._idle_limit = self._loop.time(), first_byte, idle
        if self._timer is None:
            self._timer = self._loop.call_later(min(first_byte, idle), self._check_silence)

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._error is not None and not (self._chunks or self.complete):
            raise self._error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._wake()

    def _check_silence(self) -> None:
        """Fail a call that is silent for too long. One timer serves all calls of the connection."""
        self._timer = None
        if not self._busy or self.complete or self.closed:
            return
        left = self._since + self._limit - self._loop.time()
        if left <= 0 and not self._paused:
            self._fail(Silent(f"{self._limit:g}"))
            self.close()
        else:
            pause = max(min(left, self._idle_limit), 0.01) if not self._paused else self._idle_limit
            self._timer = self._loop.call_later(pause, self._check_silence)

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        if not self._busy:  # unrequested bytes: the connection cannot be used again
            self.close()
            return
        self._since = self._loop.time()
        self.answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            said = problem.__context__  # a callback's own exception
            self._fail(said if isinstance(said, Broken) else Broken(f"not HTTP: {problem!s:.100}"))
            self.close()
            return
        if not self._has_head:
            self._head_size += len(data)
            if self._head_size > _HEAD_LIMIT:
                self._fail(Broken("its headers are too large"))
                self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol. Without a length, the end of the connection ends the response."""
        self._transport = None
        if not self.complete:
            until_end = "content-length" not in self.headers and "transfer-encoding" not in self.headers
            if exc is None and self._has_head and until_end:
                self.complete = True
            else:
                self._fail(Broken("the connection was closed"))
        self._wake()

    # httptools' side

    def on_message_begin(self) -> None:
        """Part of httptools' protocol. Bytes after a response end the connection."""
        if self.complete:
            raise Broken("it sent more than one response")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Part of httptools' protocol. Trailers are no headers."""
        if not self._has_head:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Part of httptools' protocol."""
        self.status = self._parser.get_status_code()
        if self.status < _INFORMATIONAL:
            self.headers = {}
            return
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in {"gzip", "x-gzip", "deflate"}:  # sent although it was not requested
            self._decoder, self._room = zlib.decompressobj(wbits=47), _UNPACKED
        elif encoding not in {"identity", ""}:
            raise Broken(f"compressed as {encoding[:20]}, which was not requested")
        self._has_head = True
        self._limit = self._idle_limit
        self._wake()

    def on_body(self, body: bytes) -> None:
        """Part of httptools' protocol."""
        if self._decoder is not None:
            body = self._unpacked(self._decoder, body)
            if not body:
                return
        self._chunks.append(body)
        self._size += len(body)
        if self._size > _HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def _unpacked(self, decoder: Decoder, body: bytes) -> bytes:
        try:
            body = decoder.decompress(body, self._room)
        except zlib.error:
            raise Broken("it is not compressed as its headers say") from None
        self._room -= len(body)
        if decoder.unconsumed_tail or self._room <= 0:
            raise Broken(f"it unpacks to more than {_UNPACKED:,} bytes")
        return body

    def on_message_complete(self) -> None:
        """Part of httptools' protocol."""
        if not self._has_head:
            return  # an informational response
        self.complete = True
        self.reusable = self._parser.should_keep_alive()
        self._wake()
