"""Streams: bytes go to the caller as they come, except the end, which waits until the call is written down.

A caller that leaves ends the provider's work too; what it cost until then is recorded. A stream that breaks
off is ended with an error event in the API's own shape, so that it cannot be taken for an answer.
"""

import asyncio

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.transcripts import answer_of_stream
from daybook.gateway.call.attempts import Begun
from daybook.gateway.call.body import Departure
from daybook.gateway.call.exchange import Exchange
from daybook.gateway.call.responses import Send
from daybook.gateway.transcript.stream_end import StreamEnd
from daybook.gateway.transcript.usage_chunk import UsageChunkFilter
from daybook.gateway.upstream.pool import Broken, Silent
from llm_tracker.usage import Usage, UsageReader

_AFTERTHOUGHT = 0.25  # seconds

CLIENT_LEFT = "The client closed the connection before the answer was complete."


async def relay(exchange: Exchange, begun: Begun, departure: Departure, send: Send) -> bytes | None:
    """Pass the answer on as it comes.

    Returns the bytes that end the answer, for the caller to send when the call is recorded; None where nothing
    can be said in it (sound) and only a broken connection tells that it is not whole.
    """
    api, response = exchange.route.api, begun.response
    if api is None:
        raise AssertionError("a stream has an API")
    exchange.streamed = True
    passage = _Passage(api, hides_usage=exchange.asked_usage)
    departure.then(response.abandon)
    try:
        problem = await _pump(exchange, begun, passage, send)
    finally:
        response.close()
        exchange.usage = passage.usage()
    if departure.happened:
        exchange.error = CLIENT_LEFT
        return b""
    rest = passage.rest()
    if problem is None and not passage.over and not _finished(exchange, api):
        problem = ("upstream_broken", "The provider ended its answer before it was complete.")
    if problem is not None:
        exchange.error = problem[1]
        if api.binary:
            return None
        return rest + api.stream_error(exchange.media_type, *problem)
    return rest


async def _pump(exchange: Exchange, begun: Begun, passage: "_Passage", send: Send) -> tuple[str, str] | None:
    """Send what comes until nothing more does. Returns what went wrong, as code and words."""
    chunk = begun.first
    try:
        while chunk:
            exchange.keep(chunk)
            ready = passage.feed(chunk)
            if ready and exchange.sent is not None:
                exchange.sent += ready
            if ready:
                await send({"type": "http.response.body", "body": ready, "more_body": True})
            if passage.complete and not begun.response.complete:
                chunk = await _last_chunk(begun)
            else:
                chunk = await begun.response.chunk()
    except Silent as limit:
        return "upstream_timeout", f"The provider was silent for {limit} s in the middle of its answer."
    except Broken:
        return "upstream_broken", "The provider broke off in the middle of its answer."
    return None


async def _last_chunk(begun: Begun) -> bytes:
    """What follows the terminal event: the end, as a rule at once. A provider that leaves the connection open
    is not waited for.
    """
    try:
        async with asyncio.timeout(_AFTERTHOUGHT):
            return await begun.response.chunk()
    except TimeoutError:
        return b""


class _Passage:
    """What every chunk goes through: its usage is read, what the caller did not ask for is taken out, and the
    terminal event is held back.
    """

    def __init__(self, api: Api, *, hides_usage: bool) -> None:
        self._reader = None if api.binary else UsageReader(api.usage)
        self._filter = UsageChunkFilter() if hides_usage else None
        self._end = StreamEnd(api.terminal())
        self._binary = api.binary
        self._ends_with_connection = api.ends_with_connection

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; returns those that may go to the caller."""
        if self._reader is not None:
            self._reader.feed(chunk)
        if self._filter is not None:
            chunk = self._filter.feed(chunk)
        return self._end.feed(chunk)

    def usage(self) -> Usage | None:
        """What the stream reported, so far."""
        return None if self._reader is None else self._reader.finish()

    def rest(self) -> bytes:
        """What was held back."""
        last = b"" if self._filter is None else self._filter.rest()
        return self._end.feed(last) + self._end.rest()

    @property
    def complete(self) -> bool:
        """Whether nothing more is to come. Gemini's models may go on after what looks like the end."""
        return self._end.complete and not self._ends_with_connection

    @property
    def over(self) -> bool:
        """Whether the answer has said that it is over; sound needs not say so."""
        return self._binary or self._end.begun


def _finished(exchange: Exchange, api: Api) -> bool:
    """Whether a stream without its terminal event was complete all the same: not every provider sends one."""
    if exchange.truncated:
        return True
    answer = answer_of_stream(api, bytes(exchange.answer))
    return answer.finished or answer.error is not None
