"""A caller's call, from its admission to its record.

    admission → routing → idempotency → dispatch (limits, journal, attempts) → streaming or responses → journal

Whatever happens, the end of the call is written to the journal once.
"""

import asyncio
import logging
import time
from collections.abc import Mapping

import orjson

from daybook.gateway.call.admission import admit
from daybook.gateway.call.attempts import StreamedResponse
from daybook.gateway.call.body import ClientDisconnected, DisconnectSignal, Receive
from daybook.gateway.call.dispatch import dispatch
from daybook.gateway.call.idempotency import IdempotentCall, claim_key
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.call.responses import Send, send_refusal, send_whole, start_stream
from daybook.gateway.call.routing import targets_for
from daybook.gateway.call.streaming import CLIENT_DISCONNECTED, relay
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange
from daybook.ledger.idempotency import Replay

log = logging.getLogger(__name__)


class Call:
    """A call with a valid activation code."""

    def __init__(
        self,
        resources: GatewayResources,
        exchange: Exchange,
        disconnect: DisconnectSignal,
        receive: Receive,
        send: Send,
    ) -> None:
        self._resources = resources
        self._disconnect = disconnect
        self._exchange = exchange
        self._receive = receive
        self._send = send
        self._closed = False
        self._idempotent: IdempotentCall | None = None

    async def run(self) -> None:
        """Answer the call, and record its end whatever happens."""
        exchange = self._exchange
        try:
            await self._answer()
        except Refusal as refusal:
            await self._refuse(refusal)
        except ClientDisconnected:
            exchange.error = "The client closed the connection in the middle of its request."
        except Exception:
            log.exception("Call %s failed inside the gateway.", exchange.id)
            words = f"Daybook itself failed. Its log says why, under call {exchange.id}."
            await self._refuse(Refusal(500, "internal", words))
        except asyncio.CancelledError:
            exchange.error = "The server stopped before the answer was complete."
            raise
        finally:
            self._close()
            if self._idempotent is not None:
                await self._idempotent.release_key()

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
        claim = await claim_key(resources.idempotency, exchange, resources.recorder.id)
        if isinstance(claim, Replay):
            await self._replay(claim)
            return
        self._idempotent = claim
        response = await dispatch(resources, exchange, api, targets, self._disconnect)
        if isinstance(response, StreamedResponse):
            await self._answer_stream(response)
        else:
            if self._disconnect.is_set:
                exchange.error = CLIENT_DISCONNECTED
            await self._answer_whole(response.status, response.body, response.headers)

    async def _replay(self, replay: Replay) -> None:
        """Send the first answer again. It was counted then."""
        exchange = self._exchange
        exchange.media_type = replay.headers.get("content-type", exchange.media_type)
        await self._answer_whole(
            replay.status, replay.body or b"", {"x-daybook-replay-of": str(replay.call_id)}
        )

    async def _answer_whole(self, status: int, body: bytes, received: Mapping[str, str]) -> None:
        self._exchange.status = status
        await self._end(body)
        await send_whole(self._send, self._exchange, body, received)

    async def _answer_stream(self, streamed: StreamedResponse) -> None:
        exchange = self._exchange
        exchange.media_type = streamed.response.headers.get("content-type", "text/event-stream")
        await start_stream(self._send, exchange, streamed.response.headers)
        rest = await relay(exchange, streamed, self._disconnect, self._send)
        await self._end(rest or b"")
        if rest is not None:
            await self._send({"type": "http.response.body", "body": rest, "more_body": False})

    async def _end(self, rest: bytes) -> None:
        """Record the end of the call, and store its answer for a repeat of the request, before `rest` is sent."""
        self._close()
        await self._resources.recorder.durable()
        if self._idempotent is not None:
            await self._idempotent.store(rest)

    async def _refuse(self, refusal: Refusal) -> None:
        exchange = self._exchange
        exchange.error = f"{refusal.code}: {refusal.message}"
        if exchange.streamed:
            return  # the answer had streamed: all that can be done is to end it
        exchange.status = refusal.status
        self._close()
        await send_refusal(self._send, exchange.route.family, refusal, exchange.id)

    def _close(self) -> None:
        """Write the end of the call to the journal, once."""
        if self._closed:
            return
        self._closed = True
        exchange, resources = self._exchange, self._resources
        exchange.ended = time.perf_counter()
        exchange.rate_hold.close(_tokens(exchange))
        resources.recorder.close(exchange, resources.catalogue.prices)


def _tokens(exchange: Exchange) -> int | None:
    """Return the call's tokens; None if they are counted later."""
    if exchange.usage is not None:
        return exchange.usage.total_tokens
    return None if exchange.reached else 0
