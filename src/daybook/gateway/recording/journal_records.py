"""The journal records of a call, written by the gateway and decoded by the shipper.

The shapes of a call, in their order: `Exchange` (in progress) → `JournaledCall` (its records, as bytes and headers) →
`CallRecord` (decoded) → `Entry` with `LineEntry` and `LogEntry` (rows to write) → `Line` and `CallLog` (rows).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.table import named
from daybook.gateway.apis.transcripts import answer_of_body, answer_of_stream
from daybook.gateway.exchange import Exchange
from daybook.gateway.grants import InternalGrant
from daybook.gateway.transcript.json_access import parse
from daybook.gateway.transcript.storable import storable
from daybook.ledger.budgets.holds import HoldPart, parts_of_json
from daybook.ledger.shipper import JournaledCall
from daybook.redaction import Redact, redact_bytes, redact_error, redact_json, redact_name
from llm_tracker.counting import estimate_usage
from llm_tracker.usage import Usage, UsageReader

LARGE = 2**20
"""A request of more bytes is journaled without its files."""

KILLED = "The gateway was killed before the call was over."


@dataclass(slots=True)
class CallRecord:
    """A call, decoded from its journal records."""

    id: UUID
    journal: str
    """The journal that has it: the owner of what it holds."""
    created_at: datetime
    api: Api
    metered: bool
    path: str
    model: str
    code: str | None
    group_id: int | None
    user_id: int | None
    trace_id: str | None
    caller_metadata: dict[str, Any] | None
    request: Any
    """The parsed body; its first bytes as text if it is malformed."""
    config_id: int | None = None
    config: str | None = None
    provider: str | None = None
    target_model: str | None = None
    """The provider's name of the model; None if the call was not sent."""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    media_type: str = ""
    streamed: bool = False
    truncated: bool = False
    usage: Usage | None = None
    failed_usage: Usage | None = None
    estimate: Usage | None = None
    """Tokens that were estimated before the content was redacted."""
    holds: tuple[HoldPart, ...] = ()
    token_bound: tuple[int, int] | None = None
    """Maximum tokens of prompt and answer, under a hard budget."""
    internal: InternalGrant | None = None
    """The grant of an internal call."""
    idempotency: tuple[int, str] | None = None
    """Id of the code and hash of the idempotency key."""
    hides_usage: bool = False
    """True if the chunk with the usage was hidden from the caller."""
    error: str | None = None
    reached: bool = False
    first_byte_ms: int | None = None
    duration_ms: int | None = None
    answer: bytes = b""


def opened(exchange: Exchange, redact: Redact) -> tuple[bytes, bytes]:
    """Return header and body of the record that is written before the call is sent."""
    grant = exchange.grant
    header = {
        "at": exchange.created_at,
        "api": exchange.api_name,
        "metered": _is_metered(exchange),
        "path": redact_name(redact, exchange.path),
        "model": redact_name(redact, exchange.model[:300]),
        "code": grant.public_id,
        "group": grant.group_id,
        "user": grant.user_id,
        "trace": exchange.trace_id,
        "caller": redact_json(redact, exchange.caller_metadata) if exchange.caller_metadata else None,
        "to": _target(exchange, redact),
        "stream": exchange.stream,
        "holds": exchange.hold.as_json(),
        "most": exchange.token_bound,
        "repeat": exchange.idempotency,
    }
    if redact is Redact.CONTENT and header["metered"]:
        header["estimate"] = _numbers(_estimate(exchange))
    if isinstance(grant, InternalGrant):
        header["internal"] = grant.as_json()
    return _json(header), redact_bytes(redact, _request(exchange), exchange.streamed_text)


def noted(exchange: Exchange, redact: Redact) -> tuple[bytes, bytes] | None:
    """Return header and body of a record of a stream's new bytes; None without any. Redacted text is recorded whole
    each time: a secret may lie where two records meet.
    """
    if len(exchange.answer) <= exchange.journaled:
        return None
    if redact is Redact.OFF:
        since, exchange.journaled = exchange.journaled, len(exchange.answer)
        return b"{}", redact_bytes(redact, bytes(exchange.answer[since:]))
    header: dict[str, Any] = {"whole": True}
    if redact is Redact.CONTENT:
        header["estimate"] = _numbers(_estimate(exchange))
    exchange.journaled = len(exchange.answer)
    return _json(header), redact_bytes(redact, bytes(exchange.answer), exchange.streamed_text)


def closed(exchange: Exchange, redact: Redact) -> tuple[bytes, bytes, bytes]:
    """Return header and body of the record that is written before the caller sees the end, and a short header for a
    journal without room for these.
    """
    error = redact_error(redact, exchange.error[:2000]) if exchange.error else None
    estimate = None
    is_cut_off = exchange.streamed and exchange.error is not None  # its reported usage may be partial
    is_counted = exchange.reached and _is_metered(exchange) and (exchange.usage is None or is_cut_off)
    if redact is not Redact.OFF and is_counted:
        estimate = _numbers(_estimate(exchange))
    essential = {
        "to": _target(exchange, redact),
        "status": exchange.status,
        "streamed": exchange.streamed,
        "usage": _numbers(exchange.usage),
        "spent": _numbers(exchange.failed_usage),
        "estimate": estimate,
        "error": error and error[:300],
        "reached": exchange.reached,
        "ms": exchange.elapsed_ms(),
        "holds": exchange.hold.as_json(),
    }
    first = exchange.first_byte
    header = {
        **essential,
        "type": exchange.media_type,
        "truncated": exchange.truncated,
        "hides": exchange.hides_usage,
        "raw": exchange.usage.raw if exchange.usage is not None else None,
        "error": error,
        "attempts": redact_json(redact, [attempt.as_dict() for attempt in exchange.attempts]),
        "first_ms": None if first is None else round((first - exchange.started) * 1000),
    }
    since = exchange.journaled if redact is Redact.OFF else 0
    header["whole"] = since == 0
    body = redact_bytes(redact, bytes(exchange.answer[since:]), exchange.streamed_text)
    return _json(header), body, _json({**essential, "truncated": True})


def call_record(call: JournaledCall) -> CallRecord:
    """Decode a call's journal records."""
    said = call.opened.header
    body = call.opened.body
    try:
        request = parse(body) if body else None
    except ValueError:
        request = body[:2000].decode("utf-8", "replace")
    record = CallRecord(
        id=call.id,
        journal=call.journal,
        created_at=datetime.fromisoformat(said["at"]),
        api=named(said["api"]),
        metered=said["metered"],
        path=said["path"],
        model=said["model"],
        code=said["code"],
        group_id=said["group"],
        user_id=said["user"],
        trace_id=said["trace"],
        caller_metadata=said["caller"],
        request=request,
    )
    record.answer = _answer(call)
    if most := said.get("most"):
        record.token_bound = most[0], most[1]
    if internal := said.get("internal") or said.get("house"):  # the name before 0.2
        record.internal = InternalGrant.of_json(internal, record.user_id)
    if repeat := said.get("repeat"):
        record.idempotency = repeat[0], repeat[1]
    last = call.closed.header if call.closed is not None else {}
    record.holds = parts_of_json(last.get("holds", said.get("holds", [])))
    if call.closed is None:
        _end_by_death(record, call)
    else:
        _end(record, call.closed.header)
    return record


def _answer(call: JournaledCall) -> bytes:
    """Return the bytes of the answer. A record marked `whole` replaces those before it."""
    pieces: list[bytes] = []
    for record in [*call.progress, *([call.closed] if call.closed is not None else [])]:
        if record.header.get("whole"):
            pieces.clear()
        pieces.append(record.body)
    return b"".join(pieces)


def _end(record: CallRecord, said: dict[str, Any]) -> None:
    _send_to(record, said["to"])
    record.status, record.streamed = said["status"], said["streamed"]
    record.usage, record.failed_usage = _usage(said["usage"], said.get("raw")), _usage(said["spent"], None)
    record.estimate = _usage(said.get("estimate"), None)
    record.error, record.reached, record.duration_ms = said["error"], said["reached"], said["ms"]
    record.media_type = said.get("type", "")
    record.truncated = said["truncated"]
    record.hides_usage = said.get("hides", False)
    record.attempts = said.get("attempts", [])
    record.first_byte_ms = said.get("first_ms")


def _end_by_death(record: CallRecord, call: JournaledCall) -> None:
    """End a call that its gateway did not close. The provider may have worked on it."""
    said = call.opened.header
    counted = [note.header["estimate"] for note in (call.opened, *call.progress) if "estimate" in note.header]
    record.estimate = _usage(counted[-1], None) if counted else None
    _send_to(record, said["to"])
    record.error, record.reached, record.streamed = KILLED, True, said["stream"]
    if record.streamed and record.metered:
        reader = UsageReader(record.api.usage)
        reader.feed(record.answer)
        record.usage = reader.finish()


def _send_to(record: CallRecord, target: list[Any] | None) -> None:
    if target is not None:
        record.config_id, record.config, record.provider, record.target_model = target


def _is_metered(exchange: Exchange) -> bool:
    api = exchange.route.api
    return api is not None and api.line


def _estimate(exchange: Exchange) -> Usage:
    """Estimate the tokens of a call that reported none, before its content is redacted."""
    api = exchange.route.api or named(exchange.api_name)
    read = answer_of_stream if exchange.streamed else answer_of_body
    return estimate_usage(api.usage, exchange.request, read(api, bytes(exchange.answer)).written)


def _target(exchange: Exchange, redact: Redact) -> list[Any] | None:
    target = exchange.target
    if target is None:
        return None
    config = target.config
    return [config.id, config.name, config.provider.name, redact_name(redact, target.model[:300])]


def _request(exchange: Exchange) -> bytes:
    if exchange.request is None:
        return exchange.body[:2000]
    if exchange.route.api is not None and exchange.route.api.body != "json":
        return orjson.dumps(storable(exchange.request))  # without a form's files
    return exchange.body if len(exchange.body) <= LARGE else orjson.dumps(storable(exchange.request))


def _json(header: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(header)
    except TypeError:  # lone surrogates, or integers beyond 64 bits
        return orjson.dumps(storable({**header, "at": str(header.get("at"))}))


def _numbers(usage: Usage | None) -> list[int] | None:
    if usage is None:
        return None
    return [
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        usage.cache_write_tokens,
    ]


def _usage(numbers: list[int] | None, raw: Any) -> Usage | None:
    return None if numbers is None else Usage(*numbers, raw=raw)
