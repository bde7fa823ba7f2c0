"""One internal call, from its request to its record, by the same `dispatch` as a caller's.

The `recorded` block makes it one line. A stream can be started in the same block and passed on by `relay`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.apis.table import Route
from daybook.gateway.apis.transcripts import answer_of_body
from daybook.gateway.call.attempts import StreamedResponse
from daybook.gateway.call.body import DisconnectSignal, written
from daybook.gateway.call.dispatch import dispatch
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.call.routing import targets_for
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange
from daybook.gateway.grants import InternalGrant
from daybook.gateway.internal.errors import error_of, error_of_response
from daybook.gateway.internal.requests import InternalRequest, InternalResponse
from daybook.gateway.transcript.storable import storable
from daybook.kit.errors import Upstream
from llm_tracker.counting import estimate_usage
from llm_tracker.usage import Usage

_ROUTE = Route("call", CHAT_COMPLETIONS.family, CHAT_COMPLETIONS)
_OK = 200
_STOPPED = "The work that made the call was stopped before the answer was complete."


def exchange_of(request: InternalRequest, call_id: UUID, metadata: dict[str, object]) -> Exchange:
    """Return the exchange of `request`."""
    grant = InternalGrant(
        source=request.source,
        user_id=request.user_id,
        metadata={**metadata, **request.metadata},
        conversation_id=request.conversation_id,
        posted_by=request.posted_by,
        assistant_replies=request.assistant_replies,
    )
    exchange = Exchange(grant, _ROUTE, "", headers={"content-type": "application/json"}, query={}, id=call_id)
    exchange.trace_id = request.trace_id
    exchange.model = request.model
    exchange.request = {**request.body, "model": request.model}
    exchange.body = written(exchange.request)
    return exchange


async def execute(resources: GatewayResources, exchange: Exchange) -> InternalResponse:
    """Make the call. Its end is in the journal when this returns. Raises the errors of `InternalClient.call`."""
    try:
        async with recorded(resources, exchange):
            targets = targets_for(await resources.catalogue.configs(), CHAT_COMPLETIONS, exchange.model)
            whole = await dispatch(resources, exchange, CHAT_COMPLETIONS, targets, DisconnectSignal())
            if isinstance(whole, StreamedResponse):
                raise AssertionError("only a request for a stream gets one")  # noqa: TRY004  (a programming error)
            if whole.status != _OK:
                words = exchange.error or f"The provider answered with {whole.status}."
                raise error_of_response(whole, words, exchange.error_details)
            response = _response(exchange, whole.parsed)
    except Refusal as refusal:
        raise error_of(refusal) from None
    await resources.recorder.durable()
    return response


@asynccontextmanager
async def recorded(resources: GatewayResources, exchange: Exchange) -> AsyncGenerator[None]:
    """Write the call's end to the journal when the block ends, once, whatever happens in it."""
    try:
        yield
    except Refusal as refusal:
        exchange.status, exchange.error = refusal.status, f"{refusal.code}: {refusal.message}"
        raise
    except asyncio.CancelledError:
        exchange.error = _STOPPED
        raise
    except Exception as problem:
        exchange.error = exchange.error or f"Daybook itself failed: {type(problem).__name__}."
        raise
    finally:
        exchange.ended = time.perf_counter()
        resources.recorder.close(exchange, resources.catalogue.prices)


def _response(exchange: Exchange, parsed: object) -> InternalResponse:
    said = answer_of_body(CHAT_COMPLETIONS, parsed)
    target = exchange.target
    if said.error is not None or target is None:
        exchange.error = said.error
        raise Upstream(
            f"The provider reported a failure: {said.error}",
            code="upstream_error",
            details={"provider": "" if target is None else target.config.name, "said": said.error or ""},
        )
    return InternalResponse(
        text=said.text or "",
        data=storable(parsed),
        usage=usage_of(exchange, said.written),
        model=target.model,
        call_id=exchange.id,
    )


def usage_of(exchange: Exchange, text: str) -> Usage:
    """Return the call's tokens: as reported, else estimated, plus those that failed attempts reported."""
    usage = exchange.usage or estimate_usage(CHAT_COMPLETIONS.usage, exchange.request, text)
    return usage if exchange.failed_usage is None else usage + exchange.failed_usage
