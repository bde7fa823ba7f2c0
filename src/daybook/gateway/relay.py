"""Streams: bytes go to the caller as they come, except the end, which waits until the call is written down.

A caller that leaves ends the provider's work too; what it cost until then is recorded. A stream that breaks off is
ended with an error event in the API's own shape, so that it cannot be taken for an answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
from llm_tracker.usage import UsageReader

from daybook.gateway.apis import Api
from daybook.gateway.attempts import Begun
from daybook.gateway.body import Receive
from daybook.gateway.errors import error_event
from daybook.gateway.exchange import Exchange
from daybook.gateway.transcript import StreamEnd, UsageChunkFilter, answer_of_stream

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CLIENT_LEFT = "The client closed the connection before the answer was complete."


async def relay(
    exchange: Exchange, api: Api, begun: Begun, idle: float, receive: Receive, send: Send
) -> bytes:
    """Pass the answer on as it comes. Returns the bytes that end it, for the door to send when the call is recorded."""
    response = begun.response
    exchange.streamed = True
    reader = None if api.binary else UsageReader(api.name)
    hiding = UsageChunkFilter() if exchange.asked_usage else None
    end = None if api.binary else StreamEnd(api.name)
    left = asyncio.create_task(_watch(receive, response))
    chunk = begun.first
    try:
        while chunk:
            exchange.keep(chunk)
            if reader is not None:
                reader.feed(chunk)
            if hiding is not None:
                chunk = hiding.feed(chunk)
            if end is not None:
                chunk = end.feed(chunk)
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            async with asyncio.timeout(idle):
                chunk = await response.content.readany()
        problem = None
    except TimeoutError:
        problem = (
            "upstream_timeout",
            f"The provider was silent for {idle:.0f} s in the middle of its answer.",
        )
    except (aiohttp.ClientError, OSError):
        problem = ("upstream_broken", "The provider broke off in the middle of its answer.")
    finally:
        left.cancel()
        response.close() if not response.content.at_eof() else response.release()
        exchange.ended = time.perf_counter()
        if reader is not None:
            exchange.usage = reader.finish()
    rest = b"" if hiding is None else hiding.rest()
    if end is not None:
        rest = end.feed(rest) + end.rest()
    if left.done() and not left.cancelled():
        exchange.error = CLIENT_LEFT
        return b""
    if problem is None and end is not None and not end.begun and not _finished(exchange, api):
        problem = ("upstream_broken", "The provider ended its answer before it was complete.")
    if problem is not None:
        exchange.error = problem[1]
        return rest + error_event(api.family, api.name, exchange.media_type, *problem)
    return rest


async def _watch(receive: Receive, response: aiohttp.ClientResponse) -> None:
    """Wait for the caller to leave, then end the provider's answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
    response.close()


def _finished(exchange: Exchange, api: Api) -> bool:
    """Whether a stream without its terminal event was complete all the same: not every provider sends one."""
    if exchange.truncated:
        return True
    answer = answer_of_stream(api.name, bytes(exchange.answer))
    return answer.finished or answer.error is not None
