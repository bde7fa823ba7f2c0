"""The line and the call log of a call. Runs in the shipper."""

import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson

from daybook.gateway.apis.transcripts import Answer, answer_of_body, answer_of_stream, request_parts
from daybook.gateway.recording.journal_records import CallRecord
from daybook.gateway.transcript.storable import storable
from daybook.gateway.transcript.usage_chunk import UsageChunkFilter
from daybook.kit.text import storable as storable_text
from daybook.ledger.budgets.settling import Settlement
from daybook.ledger.entries import Entry, LineEntry, LogEntry, integer
from daybook.ledger.idempotency import KeptAnswer
from daybook.ledger.prices import PriceTable
from llm_tracker.counting import estimate_usage
from llm_tracker.usage import Usage

log = logging.getLogger(__name__)

_NOTHING = Usage(0, 0, 0, 0, 0)
INTERNAL = "internal"
"""The `source_type` in the metadata of internal calls' lines."""

_FAILED = 400  # HTTP statuses from here on


def entry_of(record: CallRecord, prices: PriceTable) -> Entry:
    """Return the line, if the call was sent to a model, and the call log."""
    answer = _answer(record)
    error = record.error or answer.error
    usage, estimated = _usage(record, answer)
    line = _line(record, answer, usage, estimated, error, prices)
    said = _log(record, answer, error, line)
    return Entry(record.id, line, said, _settlement(record, line), _kept(record, error))


def _answer(record: CallRecord) -> Answer:
    if record.streamed:
        return answer_of_stream(record.api, record.answer)
    if not record.answer:
        return Answer(data=None, text=None, model=None, error=None, finished=True)
    return answer_of_body(record.api, record.answer, status=record.status, media_type=record.media_type)


def _usage(record: CallRecord, answer: Answer) -> tuple[Usage, bool]:
    """Return the tokens of the call, and True if they are estimated."""
    if not record.metered or record.target_model is None:
        return _NOTHING, False
    usage, estimated = record.usage, False
    if usage is None and record.estimate is not None and record.reached:
        usage, estimated = record.estimate, True
    elif usage is None and record.reached and record.status < _FAILED and record.api.estimates_usage:
        usage, estimated = estimate_usage(record.api.usage, record.request, answer.written), True
    elif usage is None and record.reached and record.error is not None and record.failed_usage is None:
        usage, estimated = estimate_usage(record.api.usage, record.request, ""), True
    elif usage is not None and record.streamed and record.error is not None and not answer.finished:
        usage, estimated = _so_far(usage, record, answer), True
    if usage is not None and estimated and record.token_bound is not None:
        usage = _at_most(usage, record.usage, *record.token_bound)
    if record.failed_usage is not None:
        usage = record.failed_usage if usage is None else usage + record.failed_usage
    return usage or _NOTHING, estimated


def _so_far(usage: Usage, record: CallRecord, answer: Answer) -> Usage:
    """Return the tokens of a stream that broke off: at least those it reported. Anthropic's first event reports the
    whole prompt and one token of the answer.
    """
    counted = record.estimate or estimate_usage(record.api.usage, None, answer.written)
    completion = max(usage.completion_tokens, counted.completion_tokens)
    return replace(usage, completion_tokens=completion, total_tokens=usage.prompt_tokens + completion)


def _at_most(counted: Usage, reported: Usage | None, prompt: int, completion: int) -> Usage:
    """Return the estimate, at most the call's bound, at least what the provider `reported`."""
    if reported is not None:
        prompt, completion = max(prompt, reported.prompt_tokens), max(completion, reported.completion_tokens)
    prompt, completion = min(counted.prompt_tokens, prompt), min(counted.completion_tokens, completion)
    return replace(
        counted,
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=min(counted.cached_tokens, prompt),
        reasoning_tokens=min(counted.reasoning_tokens, completion),
    )


def _line(
    record: CallRecord, answer: Answer, usage: Usage, estimated: bool, error: str | None, prices: PriceTable
) -> LineEntry | None:
    if not record.metered or record.target_model is None:
        return None
    internal = record.internal
    return LineEntry(
        id=record.id,
        user_id=record.user_id,
        model=storable_text(record.target_model, 128),
        prompt_tokens=integer(usage.prompt_tokens),
        completion_tokens=integer(usage.completion_tokens),
        total_tokens=integer(usage.total_tokens),
        cached_tokens=integer(usage.cached_tokens),
        reasoning_tokens=integer(usage.reasoning_tokens),
        success=error is None,
        error=None if error is None else storable_text(error, 2000),
        metadata=_json(storable(_metadata(record, answer, usage))),
        created_at=record.created_at,
        provider=record.provider,
        cost=_cost(record, answer, usage, prices),
        is_estimated=estimated,
        source="gateway" if internal is None else storable_text(internal.source, 32),
        duration_ms=None if record.duration_ms is None else integer(record.duration_ms),
        trace_id=record.trace_id,
        group_id=record.group_id,
        code=record.code,
        conversation_id=None if internal is None else internal.conversation_id,
        assistant_replies=0 if internal is None or error is not None else integer(internal.assistant_replies),
        posted_by="trigger" if internal is None else internal.posted_by,
    )


def _settlement(record: CallRecord, line: LineEntry | None) -> Settlement | None:
    if line is None or not record.holds:
        return None
    return Settlement(record.id, record.journal, record.holds, line.total_tokens, line.cost)


def _kept(record: CallRecord, error: str | None) -> KeptAnswer | None:
    """Return the answer as its caller was sent it, for a repeat of the request; None if it is not to be repeated."""
    if record.idempotency is None or error is not None:
        return None
    body = record.answer
    if record.streamed and record.hides_usage:
        passage = UsageChunkFilter()
        body = passage.feed(body) + passage.rest()
    code_id, key_hash = record.idempotency
    return KeptAnswer(
        code_id=code_id,
        key_hash=bytes.fromhex(key_hash),
        call_id=record.id,
        status=record.status,
        headers={"content-type": record.media_type},
        body=None if record.truncated else body,
    )


def _cost(record: CallRecord, answer: Answer, usage: Usage, prices: PriceTable) -> Decimal | None:
    """Return the cost by the requested model, else by the one in the answer (a dated version)."""
    for model in (record.target_model, answer.model):
        if model:
            try:
                cost = prices.cost(model[:128], usage, provider=record.provider, at=record.created_at)
            except Exception:  # a damaged price list must not lose a record
                log.exception(
                    "The price of call %s could not be worked out; it is recorded without.", record.id
                )
                return None
            if cost is not None:
                return cost
    return None


def _metadata(record: CallRecord, answer: Answer, usage: Usage) -> dict[str, Any]:
    internal = record.internal
    known = {
        **({"source_path": record.path} if internal is None else internal.metadata),
        "source_type": "gateway" if internal is None else INTERNAL,
        "config": record.config,
        "attempts": record.attempts,
        "response_model": answer.model[:200]
        if answer.model and answer.model != record.target_model
        else None,
        "stream": record.streamed or None,
        "first_byte_ms": record.first_byte_ms,
        "caller": record.caller_metadata,
        "usage": usage.raw,
    }
    return {name: value for name, value in known.items() if value is not None}


def _log(record: CallRecord, answer: Answer, error: str | None, line: LineEntry | None) -> LogEntry:
    messages, params = request_parts(record.api, record.request)
    if record.truncated:
        params = {**params, "daybook": "the answer was longer than what is kept of one"}
    return LogEntry(
        usage_id=None if line is None else line.id,
        config_id=record.config_id,
        group_id=record.group_id,
        activation_code=record.code,
        api=record.api.name[:32],
        model=storable_text(record.model, 128) or None,
        request_messages=_json(messages),
        request_params=_json(params) if params else None,
        response_content=answer.text,
        response_data=None if answer.data is None else _json(answer.data),
        status="success" if error is None else "error",
        error_message=None if error is None else storable_text(error, 2000),
        tokens_used=None if line is None else line.total_tokens,
        prompt_tokens=None if line is None else line.prompt_tokens,
        completion_tokens=None if line is None else line.completion_tokens,
        call_time=record.created_at,
        duration_ms=None if record.duration_ms is None else integer(record.duration_ms),
        call_id=record.id,
    )


def _json(value: Any) -> str:
    """Return `value`, which is storable, as JSON text."""
    return orjson.dumps(value).decode()
