"""Attempts at the targets of a call: retries and fallback, until the first byte of an answer. None after it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.call.body import DisconnectSignal, with_field
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import WHOLE_KEPT_MAX, Attempt, Exchange
from daybook.gateway.providers.config import Target
from daybook.gateway.transcript.json_access import parse
from daybook.gateway.transcript.provider_errors import error_of_body
from daybook.gateway.upstream.pool import Broken, NoConnection, Pool, Response, Silent
from daybook.gateway.upstream.requests import request_headers, request_url
from daybook.kit.errors import Specifics
from daybook.kit.retry_after import parse_retry_after
from llm_tracker.usage import usage_from_response

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # statuses that a retry may not meet
_LARGEST = 256 * 2**20  # bytes of a whole answer
_LARGEST_ERROR = 2**20
_IN_THREAD = 2**20  # a larger answer is parsed beside the event loop
_OK = 200
_STREAMS = frozenset({"text/event-stream", "application/x-ndjson", "application/jsonl"})
_EVENT_FIELDS = (b"data:", b"event:", b":")  # how a stream of events begins; JSON never does


@dataclass(slots=True)
class WholeResponse:
    """A provider's whole response. `parsed` is its JSON; None if it is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parsed: Any


@dataclass(slots=True)
class StreamedResponse:
    """A provider's response of which the first bytes have arrived."""

    response: Response
    first: bytes


@dataclass(slots=True)
class _Failure:
    """A failed attempt. `refusal` is for the caller, if no other attempt follows."""

    refusal: Refusal
    retry: bool
    """True if a retry may succeed."""
    fallback: bool = True
    """True if another target may succeed."""
    whole: WholeResponse | None = None
    """The provider's own error, if the caller should get it."""


async def try_targets(
    pool: Pool, exchange: Exchange, api: Api, targets: Sequence[Target], disconnect: DisconnectSignal
) -> WholeResponse | StreamedResponse:
    """Return the first response. Raises `Refusal` if no target gives one, or the caller left between attempts."""
    failure: _Failure | None = None
    for target in targets:
        for tries in range(target.config.retries + 1):
            if tries:
                await asyncio.sleep(_pause(tries, failure))
            if failure is not None and disconnect.is_set:
                break
            exchange.target = target
            outcome = await _attempt(pool, exchange, api, target)
            if not isinstance(outcome, _Failure):
                return outcome
            failure = outcome
            if not failure.retry or _has_used_its_hold(exchange):
                break
        if (
            disconnect.is_set
            or (failure is not None and not failure.fallback)
            or _has_used_its_hold(exchange)
        ):
            break
    if failure is None:
        raise Refusal(503, "no_provider", "No provider is configured for this model.")
    if failure.whole is not None:
        exchange.error, exchange.error_details = failure.refusal.message, failure.refusal.details
        return failure.whole
    raise failure.refusal


def _has_used_its_hold(exchange: Exchange) -> bool:
    """Return True if a failed attempt used tokens that the call holds of a hard budget: it holds those of one."""
    return exchange.token_bound is not None and exchange.failed_usage is not None


def record_response(exchange: Exchange, whole: WholeResponse) -> None:
    """Record a whole response in `exchange`."""
    exchange.media_type = whole.headers.get("content-type", "application/json")
    if len(whole.body) <= WHOLE_KEPT_MAX:
        exchange.answer = whole.body
    else:
        exchange.truncated = True
    exchange.status = whole.status
    api = exchange.route.api
    if whole.parsed is not None and api is not None and api.line:
        exchange.usage = usage_from_response(api.usage, whole.parsed)


def _pause(tries: int, failure: _Failure | None) -> float:
    """Return the seconds before a retry: those that the provider names, at most 5; else they double."""
    asked = failure.refusal.retry_after if failure is not None else None
    return min(asked, 5.0) if asked is not None else min(0.25 * 2 ** (tries - 1), 2.0)


async def _attempt(
    pool: Pool, exchange: Exchange, api: Api, target: Target
) -> WholeResponse | StreamedResponse | _Failure:
    started = time.perf_counter()
    attempt = Attempt(target.config.name, target.model, 0)
    exchange.attempts.append(attempt)
    try:
        outcome = await _send(pool, exchange, api, target, attempt)
    except NoConnection as problem:
        status, code = (504, "upstream_timeout") if problem.timed_out else (502, "upstream_unreachable")
        outcome = _failed(status, code, str(problem), retry=True)
    except Silent:
        exchange.reached = True
        outcome = _failed(504, "upstream_timeout", "did not begin to answer in time", retry=False)
    except Broken as problem:
        exchange.reached = True  # it has the request, and may have worked on it
        outcome = _failed(502, "upstream_broken", f"broke off before it answered ({problem})", retry=True)
    attempt.milliseconds = round((time.perf_counter() - started) * 1000)
    if isinstance(outcome, _Failure):
        outcome.refusal.message = f"The provider {target.config.name!r} {outcome.refusal.message}."
        outcome.refusal.details = {"provider": target.config.name, **outcome.refusal.details}
        attempt.error = outcome.refusal.message[:500]
    return outcome


def _failed(
    status: int, code: str, message: str, *, retry: bool, details: Specifics | None = None
) -> _Failure:
    return _Failure(Refusal(status, code, message, details=details), retry)


async def _send(
    pool: Pool, exchange: Exchange, api: Api, target: Target, attempt: Attempt
) -> WholeResponse | StreamedResponse | _Failure:
    config = target.config
    response = await pool.post(
        request_url(target, api, exchange.query),
        request_headers(config, api, exchange.headers),
        _body_for(exchange, api, target),
        connect=config.connect_timeout,
        first_byte=config.first_byte_timeout,
        idle=config.idle_timeout,
    )
    attempt.status = response.status
    streamed: StreamedResponse | None = None
    try:
        exchange.reached = exchange.reached or response.status == _OK
        first = await response.chunk()
        if response.status == _OK and _is_streamed(exchange, api, response, first):
            streamed = StreamedResponse(response, first)
            return streamed
        return await _whole(exchange, api, target, response, first)
    finally:
        if streamed is None:
            response.close()


def _body_for(exchange: Exchange, api: Api, target: Target) -> bytes:
    """Return the caller's bytes, with the provider's name of the model, and with a request for a stream's usage."""
    body, request = exchange.body, exchange.request
    if api.body != "json":
        return (
            body.replace(exchange.model.encode(), target.model.encode(), 1)
            if _renamed(exchange, target)
            else body
        )
    if _renamed(exchange, target) and "model" in request:
        body = with_field(body, request, "model", target.model)
        request = {**request, "model": target.model}
    options = request.get("stream_options")
    exchange.hides_usage = (
        api.asks_usage
        and exchange.stream
        and target.config.stream_usage
        and not (isinstance(options, dict) and options.get("include_usage"))
    )
    if exchange.hides_usage:
        options = options if isinstance(options, dict) else {}
        body = with_field(body, request, "stream_options", {**options, "include_usage": True})
    return body


def _renamed(exchange: Exchange, target: Target) -> bool:
    return target.model != exchange.model


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _is_streamed(exchange: Exchange, api: Api, response: Response, first: bytes) -> bool:
    """Return True for sound and for streams, also for one whose content type does not say so."""
    if api.binary and not _is_json(response.media_type):
        return True
    if not exchange.stream:
        return False
    if response.media_type in _STREAMS:
        return True
    if api.always_streams and _is_json(response.media_type):
        return True
    start = first[:6]
    return bool(start) and any(start.startswith(field) or field.startswith(start) for field in _EVENT_FIELDS)


async def _whole(
    exchange: Exchange, api: Api, target: Target, response: Response, first: bytes
) -> WholeResponse | _Failure:
    body = await _read(response, first, _LARGEST if response.status == _OK else _LARGEST_ERROR)
    try:
        parsed = parse(body) if len(body) < _IN_THREAD else await asyncio.to_thread(parse, body)
    except ValueError:
        parsed = None
    whole = WholeResponse(response.status, response.headers, body, parsed)
    if response.status != _OK:
        return _refused(target, whole)
    is_text = api.body == "multipart" and response.media_type == "text/plain"
    if parsed is None and not is_text:
        kind = response.media_type[:80] or "something"
        return _failed(502, "upstream_not_json", f"answered with {kind} that is not JSON", retry=True)
    if not _is_error(parsed):
        return whole
    usage = usage_from_response(api.usage, parsed)
    if usage is not None:
        exchange.failed_usage = usage if exchange.failed_usage is None else exchange.failed_usage + usage
    fault = _clean(error_of_body(parsed), target)
    words = f"answered with an error: {fault}"
    return _failed(502, "upstream_error", words, retry=True, details={"said": fault})


async def _read(response: Response, first: bytes, limit: int) -> bytes:
    parts, size = [first], len(first)
    while chunk := await response.chunk():
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise Broken("its answer is too large")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_error(parsed: Any) -> bool:
    """Return True if a 200 holds an error instead of an answer. A failed Responses object is an answer."""
    return isinstance(parsed, dict) and bool(parsed.get("error")) and parsed.get("object") != "response"


def _refused(target: Target, whole: WholeResponse) -> _Failure:
    """Return the failure that a status other than 200 is."""
    status = whole.status
    body = whole.body.decode("utf-8", "replace") if whole.parsed is None else whole.parsed
    message = _clean(error_of_body(body), target)
    retry = status in _RETRIED
    if status in {401, 403}:
        words = "refused the key that Daybook has for it. An administrator can try it: 'daybook config test'"
        return _failed(502, "upstream_auth", words, retry=False)
    if status < 300:  # noqa: PLR2004  (HTTP's classes, here and below)
        words = f"answered with {status}, which is no answer"
        return _failed(502, "upstream_error", words, retry=False, details={"said": str(status)})
    if status < 400:  # noqa: PLR2004
        return _failed(
            502, "upstream_redirect", "answered with a redirect; its base URL is wrong", retry=False
        )
    retry_after = parse_retry_after(whole.headers.get("retry-after"))
    if status >= 500:  # noqa: PLR2004  (its fault)
        failure = _failed(
            504 if status == 504 else 502,  # noqa: PLR2004  (HTTP's own number)
            "upstream_error",
            f"failed ({status}): {message}",
            retry=retry,
            details={"said": f"{status}: {message}"},
        )
    else:
        failure = _failed(
            status,
            "upstream_refused",
            f"refused the request ({status}): {message}",
            retry=retry,
            details={"said": f"{status}: {message}"},
        )
        failure.fallback = retry  # it understood the request and refuses it; so would another
        if whole.parsed is not None:
            key = target.config.api_key
            whole.body = whole.body.replace(key.encode(), b"***") if key else whole.body
            failure.whole = whole
    failure.refusal.retry_after = retry_after
    return failure


def _clean(message: str, target: Target) -> str:
    """Return a provider's message, shortened and without the key that some repeat."""
    key = target.config.api_key
    return (message.replace(key, "***") if key else message)[:500]
