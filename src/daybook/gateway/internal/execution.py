"""One call of internal calls', from its hold to its record. The steps are the gateway's own (`answering`), for one
who waits inside.

A stream would be begun in the same `recorded` block and passed on by `relay`: the block is what makes a call one line.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.apis.table import Route
from daybook.gateway.apis.transcripts import answer_of_body
from daybook.gateway.call.attempts import Begun, begin, keep_whole
from daybook.gateway.call.body import Departure, written
from daybook.gateway.call.exchange import Exchange
from daybook.gateway.call.grants import InternalGrant
from daybook.gateway.call.limits import hold
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.call.routing import targets_for
from daybook.gateway.errors import Refusal
from daybook.gateway.internal.errors import error_of, error_of_answer
from daybook.gateway.internal.requests import Answer, Ask
from daybook.gateway.transcript.storable import storable
from daybook.kit.errors import Upstream
from llm_tracker.counting import estimate_usage
from llm_tracker.usage import Usage

_ROUTE = Route("call", CHAT_COMPLETIONS.family, CHAT_COMPLETIONS)
_OK = 200
_STOPPED = "The work that asked was stopped before the answer was complete."


def exchange_of(ask: Ask, call_id: UUID, metadata: dict[str, object]) -> Exchange:
    """The call that `ask` becomes."""
    grant = InternalGrant(
        source=ask.source,
        user_id=ask.user_id,
        metadata={**metadata, **ask.metadata},
        conversation_id=ask.conversation_id,
        posted_by=ask.posted_by,
        assistant_replies=ask.assistant_replies,
    )
    exchange = Exchange(grant, _ROUTE, "", headers={"content-type": "application/json"}, query={}, id=call_id)
    exchange.trace_id = ask.trace_id
    exchange.model = ask.model
    exchange.request = {**ask.request, "model": ask.model}
    exchange.body = written(exchange.request)
    return exchange


async def make(resources: GatewayResources, exchange: Exchange) -> Answer:
    """Make the call. When this returns, its end is in the journal. Raises what `InternalClient.call` says."""
    try:
        async with recorded(resources, exchange):
            targets = targets_for(await resources.catalogue.configs(), CHAT_COMPLETIONS, exchange.model)
            await hold(resources, exchange, CHAT_COMPLETIONS, targets)
            exchange.target = targets[0]
            await resources.recorder.open(exchange)
            whole = await begin(resources.pool, exchange, CHAT_COMPLETIONS, targets, Departure())
            exchange.first_byte = time.perf_counter()
            if isinstance(whole, Begun):
                raise AssertionError("only one who asks for a stream is given one")  # noqa: TRY004  (a mistake of ours)
            keep_whole(exchange, whole)
            if whole.status != _OK:
                words = exchange.error or f"The provider answered with {whole.status}."
                raise error_of_answer(whole, words, exchange.error_details)
            answer = _answer(exchange, whole.parsed)
    except Refusal as refusal:
        raise error_of(refusal) from None
    await resources.recorder.durable()
    return answer


@asynccontextmanager
async def recorded(resources: GatewayResources, exchange: Exchange) -> AsyncGenerator[None]:
    """Whatever happens in the block, the call's end is written down when it is left, once."""
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


def _answer(exchange: Exchange, parsed: object) -> Answer:
    said = answer_of_body(CHAT_COMPLETIONS, parsed)
    target = exchange.target
    if said.error is not None or target is None:
        exchange.error = said.error
        raise Upstream(
            f"The provider's answer tells of a failure: {said.error}",
            code="upstream_error",
            details={"provider": "" if target is None else target.config.name, "said": said.error or ""},
        )
    return Answer(
        text=said.text or "",
        data=storable(parsed),
        usage=usage_of(exchange, said.written),
        model=target.model,
        call_id=exchange.id,
    )


def usage_of(exchange: Exchange, text: str) -> Usage:
    """The tokens of the call: as reported, else counted; with those that failed attempts reported."""
    usage = exchange.usage or estimate_usage(CHAT_COMPLETIONS.usage, exchange.request, text)
    return usage if exchange.spent is None else usage + exchange.spent
