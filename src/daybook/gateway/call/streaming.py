"""Streaming: bytes go to the caller as they arrive, except the end, which waits until the call's end is journaled.

If the caller leaves, the provider's connection is closed, and the usage so far is recorded. A stream that breaks off
ends with an error event in the API's own shape, so that it is not taken for a whole answer.
"""

import asyncio

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.transcripts import answer_of_stream
from daybook.gateway.call.attempts import StreamedResponse
from daybook.gateway.call.body import DisconnectSignal
from daybook.gateway.call.responses import Send
from daybook.gateway.exchange import Exchange
from daybook.gateway.transcript.stream_end import StreamEnd
from daybook.gateway.transcript.usage_chunk import UsageChunkFilter
from daybook.gateway.upstream.pool import Broken, Silent
from llm_tracker.usage import Usage, UsageReader

_AFTERTHOUGHT = 0.25  # seconds

CLIENT_DISCONNECTED = "The client closed the connection before the answer was complete."


async def relay(
    exchange: Exchange, streamed: StreamedResponse, disconnect: DisconnectSignal, send: Send
) -> bytes | None:
    """Pass the answer on as it arrives.

    Returns the bytes that end it, to be sent once the call is recorded. Returns None if no error can be written into it
    (sound): then only a broken connection shows that it is not whole.
    """
    api, response = exchange.route.api, streamed.response
    if api is None:
        raise AssertionError("a stream has an API")
    exchange.streamed = True
    chunks = _ChunkProcessor(api, hides_usage=exchange.hides_usage)
    disconnect.on_set(response.abandon)
    try:
        problem = await _pump(exchange, streamed, chunks, send)
    finally:
        response.close()
        exchange.usage = chunks.usage()
    if disconnect.is_set:
        exchange.error = CLIENT_DISCONNECTED
        return b""
    rest = chunks.rest()
    if problem is None and not chunks.over and not _finished(exchange, api):
        problem = ("upstream_broken", "The provider ended its answer before it was complete.")
    if problem is not None:
        exchange.error = problem[1]
        if api.binary:
            return None
        return rest + api.stream_error(exchange.media_type, *problem)
    return rest


async def _pump(
    exchange: Exchange, streamed: StreamedResponse, chunks: "_ChunkProcessor", send: Send
) -> tuple[str, str] | None:
    """Send chunks until the end. Returns a failure as code and message."""
    chunk = streamed.first
    try:
        while chunk:
            exchange.keep(chunk)
            ready = chunks.feed(chunk)
            if ready and exchange.sent_bytes is not None:
                exchange.sent_bytes += ready
            if ready:
                await send({"type": "http.response.body", "body": ready, "more_body": True})
            if chunks.complete and not streamed.response.complete:
                chunk = await _last_chunk(streamed)
            else:
                chunk = await streamed.response.chunk()
    except Silent as limit:
        return "upstream_timeout", f"The provider was silent for {limit} s in the middle of its answer."
    except Broken:
        return "upstream_broken", "The provider broke off in the middle of its answer."
    return None


async def _last_chunk(streamed: StreamedResponse) -> bytes:
    """Return the bytes after the terminal event; none if the provider leaves the connection open."""
    try:
        async with asyncio.timeout(_AFTERTHOUGHT):
            return await streamed.response.chunk()
    except TimeoutError:
        return b""


class _ChunkProcessor:
    """Reads usage from every chunk, removes usage that the caller did not request, holds back the terminal event."""

    def __init__(self, api: Api, *, hides_usage: bool) -> None:
        self._reader = None if api.binary else UsageReader(api.usage)
        self._filter = UsageChunkFilter() if hides_usage else None
        self._end = StreamEnd(api.terminal())
        self._binary = api.binary
        self._ends_with_connection = api.ends_with_connection

    def feed(self, chunk: bytes) -> bytes:
        """Process the next bytes; return those that may go to the caller."""
        if self._reader is not None:
            self._reader.feed(chunk)
        if self._filter is not None:
            chunk = self._filter.feed(chunk)
        return self._end.feed(chunk)

    def usage(self) -> Usage | None:
        """Return the usage that the stream has reported."""
        return None if self._reader is None else self._reader.finish()

    def rest(self) -> bytes:
        """Return the bytes that were held back."""
        last = b"" if self._filter is None else self._filter.rest()
        return self._end.feed(last) + self._end.rest()

    @property
    def complete(self) -> bool:
        """True if nothing more follows."""
        return self._end.complete and not self._ends_with_connection

    @property
    def over(self) -> bool:
        """True if the answer has reported its end; sound does not report it."""
        return self._binary or self._end.begun


def _finished(exchange: Exchange, api: Api) -> bool:
    """Return True if a stream without a terminal event is complete: not every provider sends one."""
    if exchange.truncated:
        return True
    answer = answer_of_stream(api, bytes(exchange.answer))
    return answer.finished or answer.error is not None
