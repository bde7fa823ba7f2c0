"""What is written of a call: its line in the ledger and its call log. Runs in the recorder, off the request's
path.
"""

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from daybook.gateway.exchange import Exchange
from daybook.gateway.transcript import Answer, answer_of_body, answer_of_stream, request_parts, storable
from daybook.kit.text import storable as storable_text
from daybook.ledger.entries import Entry, LineEntry, LogEntry, integer
from daybook.ledger.prices import PriceBook
from llm_tracker.counting import estimate_usage
from llm_tracker.usage import Usage

log = logging.getLogger(__name__)

_NOTHING = Usage(0, 0, 0, 0, 0)


def entry_builder(exchange: Exchange, prices: PriceBook) -> Callable[[], Entry]:
    """A builder of the entry of `exchange` for the recorder. It does not raise: what cannot be read of a call
    is left out of its record, never the record.
    """

    def build() -> Entry:
        try:
            return entry_of(exchange, prices)
        except Exception:
            log.exception("The record of call %s was built without its payload.", exchange.id)
            exchange.request, exchange.parsed, exchange.caller = None, None, None
            exchange.answer.clear()
            return entry_of(exchange, prices)

    return build


def entry_of(exchange: Exchange, prices: PriceBook) -> Entry:
    """The line (where the call was sent to a model) and the log of `exchange`."""
    answer = _answer(exchange)
    error = exchange.error or answer.error
    usage, estimated = _usage(exchange, answer)
    line = _line(exchange, answer, usage, estimated, error, prices)
    return Entry(exchange.id, line, _log(exchange, answer, error, line))


def _answer(exchange: Exchange) -> Answer:
    if exchange.streamed:
        return answer_of_stream(exchange.api_name, bytes(exchange.answer))
    body = exchange.parsed if exchange.parsed is not None else bytes(exchange.answer)
    if body == b"":
        return Answer(data=None, text=None, model=None, error=None, finished=True)
    return answer_of_body(exchange.api_name, body, status=exchange.status, media_type=exchange.media_type)


def _usage(exchange: Exchange, answer: Answer) -> tuple[Usage, bool]:
    """The tokens of the call, and whether they were counted here for want of a report."""
    api = exchange.route.api
    if api is None or not api.line or exchange.target is None:
        return _NOTHING, False
    usage, estimated = exchange.usage, False
    if usage is None and exchange.reached and exchange.status < 400 and api.name != "moderations":  # noqa: PLR2004
        usage, estimated = estimate_usage(api.name, exchange.request, answer.text or ""), True
    elif usage is None and exchange.reached and exchange.error is not None and exchange.spent is None:
        usage, estimated = estimate_usage(api.name, exchange.request, ""), True
    if exchange.spent is not None:
        usage = exchange.spent if usage is None else usage + exchange.spent
    return usage or _NOTHING, estimated


def _line(
    exchange: Exchange, answer: Answer, usage: Usage, estimated: bool, error: str | None, prices: PriceBook
) -> LineEntry | None:
    api, target, grant = exchange.route.api, exchange.target, exchange.grant
    if api is None or not api.line or target is None:
        return None
    return LineEntry(
        id=exchange.id,
        user_id=grant.user_id,
        model=storable_text(target.model, 128),
        prompt_tokens=integer(usage.prompt_tokens),
        completion_tokens=integer(usage.completion_tokens),
        total_tokens=integer(usage.total_tokens),
        cached_tokens=integer(usage.cached_tokens),
        reasoning_tokens=integer(usage.reasoning_tokens),
        success=error is None,
        error=None if error is None else storable_text(error, 2000),
        metadata=_json(storable(_metadata(exchange, answer, usage))),
        created_at=exchange.moment,
        provider=target.provider.provider.value,
        cost=_cost(exchange, answer, usage, prices),
        is_estimated=estimated,
        source="gateway",
        duration_ms=integer(exchange.elapsed_ms()),
        trace_id=exchange.trace_id,
        group_id=grant.group_id,
        code=grant.public_id,
    )


def _cost(exchange: Exchange, answer: Answer, usage: Usage, prices: PriceBook) -> Decimal | None:
    """The price under the name that was asked for, else under the one that answered (a dated version)."""
    if exchange.target is None:
        return None
    provider = exchange.target.provider.provider.value
    for model in (exchange.target.model, answer.model):
        if model:
            try:
                cost = prices.cost(model[:128], usage, provider=provider, at=exchange.moment)
            except Exception:  # a price list must not cost a record
                log.exception(
                    "The price of call %s could not be worked out; it is recorded without.", exchange.id
                )
                return None
            if cost is not None:
                return cost
    return None


def _metadata(exchange: Exchange, answer: Answer, usage: Usage) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "source_type": "gateway",
        "source_path": exchange.path,
        "attempts": [attempt.as_dict() for attempt in exchange.attempts],
    }
    if exchange.target is not None:
        metadata["config"] = exchange.target.provider.name
    if answer.model and exchange.target is not None and answer.model != exchange.target.model:
        metadata["response_model"] = answer.model[:200]
    if exchange.streamed:
        metadata["stream"] = True
    if exchange.first_byte is not None:
        metadata["first_byte_ms"] = round((exchange.first_byte - exchange.started) * 1000)
    if exchange.caller:
        metadata["caller"] = exchange.caller
    if usage.raw is not None:
        metadata["usage"] = usage.raw
    return metadata


def _log(exchange: Exchange, answer: Answer, error: str | None, line: LineEntry | None) -> LogEntry:
    body = (
        exchange.request if exchange.request is not None else exchange.body[:2000].decode("utf-8", "replace")
    )
    messages, params = request_parts(exchange.api_name, body)
    if exchange.truncated:
        answer_note = {"daybook": "the answer was longer than what is kept of a stream"}
        params = {**params, **answer_note}
    grant = exchange.grant
    return LogEntry(
        usage_id=None if line is None else line.id,
        config_id=None if exchange.target is None else exchange.target.provider.id,
        group_id=grant.group_id,
        activation_code=grant.public_id,
        api=exchange.api_name[:32],
        model=storable_text(exchange.model, 128) or None,
        request_messages=_json(messages),
        request_params=_json(params) if params else None,
        response_content=answer.text,
        response_data=None if answer.data is None else _json(answer.data),
        status="success" if error is None else "error",
        error_message=None if error is None else storable_text(error, 2000),
        tokens_used=None if line is None else line.total_tokens,
        prompt_tokens=None if line is None else line.prompt_tokens,
        completion_tokens=None if line is None else line.completion_tokens,
        call_time=exchange.moment,
        duration_ms=integer(exchange.elapsed_ms()),
        call_id=exchange.id,
    )


def _json(value: Any) -> str:
    """`value`, which is storable, as JSON text."""
    return orjson.dumps(value).decode()
