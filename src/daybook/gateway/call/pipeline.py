"""One call from its admission to its record: the answer is passed on, and whatever happens is written down
once.
"""

import asyncio
import logging
import time
from collections.abc import Mapping

import orjson

from daybook.gateway.call.admission import admit
from daybook.gateway.call.attempts import Begun, Whole, begin, keep_whole
from daybook.gateway.call.body import ClientLeft, Departure, Receive
from daybook.gateway.call.exchange import Exchange
from daybook.gateway.call.idempotency import Repeatable, first_or_again
from daybook.gateway.call.limits import hold
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.call.responses import Send, send_refusal, send_whole, start_stream
from daybook.gateway.call.routing import targets_for
from daybook.gateway.call.streaming import CLIENT_LEFT, relay
from daybook.gateway.errors import Refusal
from daybook.ledger.idempotency import Replay

log = logging.getLogger(__name__)


class Call:
    """A call that was let in."""

    def __init__(
        self,
        resources: GatewayResources,
        exchange: Exchange,
        departure: Departure,
        receive: Receive,
        send: Send,
    ) -> None:
        self._resources = resources
        self._departure = departure
        self._exchange = exchange
        self._receive = receive
        self._send = send
        self._closed = False
        self._repeatable: Repeatable | None = None

    async def run(self) -> None:
        """Answer the call, and record it whatever happens."""
        exchange = self._exchange
        try:
            await self._answer()
        except Refusal as refusal:
            await self._refuse(refusal)
        except ClientLeft:
            exchange.error = "The client closed the connection in the middle of its request."
        except Exception:
            log.exception("Call %s failed inside the gateway.", exchange.id)
            words = f"Daybook itself failed, not you. Its log tells why, under call {exchange.id}."
            await self._refuse(Refusal(500, "internal", words))
        except asyncio.CancelledError:
            exchange.error = "The server stopped before the answer was complete."
            raise
        finally:
            self._close()
            if self._repeatable is not None:
                await self._repeatable.give_back()

    async def _answer(self) -> None:
        exchange, resources = self._exchange, self._resources
        if exchange.route.kind == "models":
            exchange.answer = orjson.dumps(
                await resources.catalogue.listing(exchange.route, exchange.grant.models)
            )
            await self._answer_whole(200, exchange.answer, {})
            return
        api = await admit(exchange, self._receive, max_body=resources.max_body)
        targets = targets_for(await resources.catalogue.configs(), api, exchange.model, exchange.grant.models)
        first = await first_or_again(resources.repeats, exchange, resources.recorder.id)
        if isinstance(first, Replay):
            await self._answer_again(first)
            return
        self._repeatable = first
        await hold(resources, exchange, api, targets)
        exchange.target = targets[0]
        await resources.recorder.open(exchange)
        outcome = await begin(resources.pool, exchange, api, targets, self._departure)
        exchange.first_byte = time.perf_counter()
        if isinstance(outcome, Begun):
            await self._answer_stream(outcome)
        else:
            await self._answer_provider(outcome)

    async def _answer_again(self, replay: Replay) -> None:
        """Give the first answer again. It was counted then."""
        exchange = self._exchange
        exchange.media_type = replay.headers.get("content-type", exchange.media_type)
        await self._answer_whole(
            replay.status, replay.body or b"", {"x-daybook-replay-of": str(replay.call_id)}
        )

    async def _answer_provider(self, whole: Whole) -> None:
        exchange = self._exchange
        if self._departure.happened:
            exchange.error = CLIENT_LEFT
        keep_whole(exchange, whole)
        await self._answer_whole(whole.status, whole.body, whole.headers)

    async def _answer_whole(self, status: int, body: bytes, received: Mapping[str, str]) -> None:
        self._exchange.status = status
        await self._end(body)
        await send_whole(self._send, self._exchange, body, received)

    async def _answer_stream(self, begun: Begun) -> None:
        exchange = self._exchange
        exchange.media_type = begun.response.headers.get("content-type", "text/event-stream")
        await start_stream(self._send, exchange, begun.response.headers)
        rest = await relay(exchange, begun, self._departure, self._send)
        await self._end(rest or b"")
        if rest is not None:
            await self._send({"type": "http.response.body", "body": rest, "more_body": False})

    async def _end(self, rest: bytes) -> None:
        """Write the call's end down, and keep its answer for a repeat, before `rest` goes out."""
        self._close()
        await self._resources.recorder.durable()
        if self._repeatable is not None:
            await self._repeatable.keep(rest)

    async def _refuse(self, refusal: Refusal) -> None:
        exchange = self._exchange
        exchange.error = f"{refusal.code}: {refusal.message}"
        if exchange.streamed:
            return  # the answer had begun: all that can be done is to end it
        exchange.status = refusal.status
        self._close()
        await send_refusal(self._send, exchange.route.family, refusal, exchange.id)

    def _close(self) -> None:
        """Write the call's end down, once."""
        if self._closed:
            return
        self._closed = True
        exchange, resources = self._exchange, self._resources
        exchange.ended = time.perf_counter()
        exchange.rate.close(_tokens(exchange))
        resources.recorder.close(exchange, resources.catalogue.prices)


def _tokens(exchange: Exchange) -> int | None:
    """The tokens that the call took; None where they are counted later."""
    if exchange.usage is not None:
        return exchange.usage.total_tokens
    return None if exchange.reached else 0
