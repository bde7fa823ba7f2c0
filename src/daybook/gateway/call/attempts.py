"""Getting an answer to begin: retries and fallback, until the first byte. There is no second try after."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.call.body import Departure, with_field
from daybook.gateway.call.exchange import KEPT_WHOLE, Attempt, Exchange
from daybook.gateway.errors import Refusal
from daybook.gateway.providers.config import Target
from daybook.gateway.transcript.json_access import parse
from daybook.gateway.transcript.provider_errors import error_of_body
from daybook.gateway.upstream.pool import Broken, NoConnection, Pool, Response, Silent
from daybook.gateway.upstream.requests import request_headers, request_url
from daybook.kit.errors import Specifics
from llm_tracker.usage import usage_from_response

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # statuses that another try may not meet
_LARGEST = 256 * 2**20  # bytes of a whole answer
_LARGEST_ERROR = 2**20
_IN_THREAD = 2**20  # a larger answer is parsed beside the event loop
_OK = 200
_DIGITS = 7  # of a time to wait that can be meant
_STREAMS = frozenset({"text/event-stream", "application/x-ndjson", "application/jsonl"})
_EVENT_FIELDS = (b"data:", b"event:", b":")  # how a stream of events begins; JSON never does


@dataclass(slots=True)
class Whole:
    """A whole answer, ready to be sent. `parsed` is its JSON, None where it is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parsed: Any


@dataclass(slots=True)
class Begun:
    """An answer whose first bytes have come and whose others will."""

    response: Response
    first: bytes


@dataclass(slots=True)
class _Failure:
    """Why an attempt failed: what the caller is told if it was the last; whether trying again may help, and
    whether another provider may.
    """

    refusal: Refusal
    again: bool
    elsewhere: bool = True
    whole: Whole | None = None
    """The provider's own error, where that is what the caller should see."""


async def begin(
    pool: Pool, exchange: Exchange, api: Api, targets: list[Target], departure: Departure
) -> Whole | Begun:
    """The answer of the first target that gives one. Raises `Refusal` when none does, or nobody waits for the
    next.
    """
    failure: _Failure | None = None
    for target in targets:
        for tries in range(target.config.retries + 1):
            if tries:
                await asyncio.sleep(_pause(tries, failure))
            if failure is not None and departure.happened:
                break
            exchange.target = target
            outcome = await _attempt(pool, exchange, api, target)
            if not isinstance(outcome, _Failure):
                return outcome
            failure = outcome
            if not failure.again or _is_spent(exchange):
                break
        if departure.happened or (failure is not None and not failure.elsewhere) or _is_spent(exchange):
            break
    if failure is None:
        raise Refusal(503, "no_provider", "No provider is configured for this model.")
    if failure.whole is not None:
        exchange.error, exchange.error_details = failure.refusal.message, failure.refusal.details
        return failure.whole
    raise failure.refusal


def _is_spent(exchange: Exchange) -> bool:
    """Whether a try that failed reported tokens of what the call holds of a hard budget: there is enough for one."""
    return exchange.most is not None and exchange.spent is not None


def keep_whole(exchange: Exchange, whole: Whole) -> None:
    """Keep what is written down of an answer that came in one piece."""
    exchange.media_type = whole.headers.get("content-type", "application/json")
    if len(whole.body) <= KEPT_WHOLE:
        exchange.answer = whole.body
    else:
        exchange.truncated = True
    exchange.status = whole.status
    api = exchange.route.api
    if whole.parsed is not None and api is not None and api.line:
        exchange.usage = usage_from_response(api.usage, whole.parsed)


def _pause(tries: int, failure: _Failure | None) -> float:
    """Seconds before the next try: what the provider asks for, within reason; else it doubles."""
    asked = failure.refusal.retry_after if failure is not None else None
    return min(asked, 5.0) if asked is not None else min(0.25 * 2 ** (tries - 1), 2.0)


async def _attempt(pool: Pool, exchange: Exchange, api: Api, target: Target) -> Whole | Begun | _Failure:
    started = time.perf_counter()
    attempt = Attempt(target.config.name, target.model, 0)
    exchange.attempts.append(attempt)
    try:
        outcome = await _send(pool, exchange, api, target, attempt)
    except NoConnection as problem:
        status, code = (504, "upstream_timeout") if problem.timed_out else (502, "upstream_unreachable")
        outcome = _failed(status, code, str(problem), again=True)
    except Silent:
        exchange.reached = True
        outcome = _failed(504, "upstream_timeout", "did not begin to answer in time", again=False)
    except Broken as problem:
        exchange.reached = True  # it had the request, and may have worked on it
        outcome = _failed(502, "upstream_broken", f"broke off before it answered ({problem})", again=True)
    attempt.milliseconds = round((time.perf_counter() - started) * 1000)
    if isinstance(outcome, _Failure):
        outcome.refusal.message = f"The provider {target.config.name!r} {outcome.refusal.message}."
        outcome.refusal.details = {"provider": target.config.name, **outcome.refusal.details}
        attempt.error = outcome.refusal.message[:500]
    return outcome


def _failed(
    status: int, code: str, message: str, *, again: bool, details: Specifics | None = None
) -> _Failure:
    return _Failure(Refusal(status, code, message, details=details), again)


async def _send(
    pool: Pool, exchange: Exchange, api: Api, target: Target, attempt: Attempt
) -> Whole | Begun | _Failure:
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
    begun: Begun | None = None
    try:
        exchange.reached = exchange.reached or response.status == _OK
        first = await response.chunk()
        if response.status == _OK and _comes_in_pieces(exchange, api, response, first):
            begun = Begun(response, first)
            return begun
        return await _whole(exchange, api, target, response, first)
    finally:
        if begun is None:
            response.close()


def _body_for(exchange: Exchange, api: Api, target: Target) -> bytes:
    """The caller's bytes, but for the model's name where it was given as `provider/model`, and the request
    for the usage of a stream where the caller did not make it.
    """
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
    exchange.asked_usage = (
        api.asks_usage
        and exchange.stream
        and target.config.stream_usage
        and not (isinstance(options, dict) and options.get("include_usage"))
    )
    if exchange.asked_usage:
        options = options if isinstance(options, dict) else {}
        body = with_field(body, request, "stream_options", {**options, "include_usage": True})
    return body


def _renamed(exchange: Exchange, target: Target) -> bool:
    return target.model != exchange.model


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _comes_in_pieces(exchange: Exchange, api: Api, response: Response, first: bytes) -> bool:
    """Whether the answer is passed on as it comes: streams, even if their content type does not say that they
    are, and sound.
    """
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
) -> Whole | _Failure:
    body = await _read(response, first, _LARGEST if response.status == _OK else _LARGEST_ERROR)
    try:
        parsed = parse(body) if len(body) < _IN_THREAD else await asyncio.to_thread(parse, body)
    except ValueError:
        parsed = None
    whole = Whole(response.status, response.headers, body, parsed)
    if response.status != _OK:
        return _refused(target, whole)
    is_text = api.body == "multipart" and response.media_type == "text/plain"
    if parsed is None and not is_text:
        kind = response.media_type[:80] or "something"
        return _failed(502, "upstream_not_json", f"answered with {kind} that is not JSON", again=True)
    if not _is_error(parsed):
        return whole
    usage = usage_from_response(api.usage, parsed)
    if usage is not None:
        exchange.spent = usage if exchange.spent is None else exchange.spent + usage
    fault = _clean(error_of_body(parsed), target)
    words = f"answered with an error: {fault}"
    return _failed(502, "upstream_error", words, again=True, details={"said": fault})


async def _read(response: Response, first: bytes, limit: int) -> bytes:
    parts, size = [first], len(first)
    while chunk := await response.chunk():
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise Broken("its answer is too large")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_error(parsed: Any) -> bool:
    """Whether a 200 holds an error instead of an answer. A Responses object that failed is an answer all the
    same.
    """
    return isinstance(parsed, dict) and bool(parsed.get("error")) and parsed.get("object") != "response"


def _refused(target: Target, whole: Whole) -> _Failure:
    """What a provider's status other than 200 means for the caller."""
    status = whole.status
    body = whole.body.decode("utf-8", "replace") if whole.parsed is None else whole.parsed
    message = _clean(error_of_body(body), target)
    again = status in _PASSING
    if status in {401, 403}:
        words = "refused the key that Daybook has for it. An administrator can try it: 'daybook config test'"
        return _failed(502, "upstream_auth", words, again=False)
    if status < 300:  # noqa: PLR2004  (HTTP's classes, here and below)
        words = f"answered with {status}, which is no answer"
        return _failed(502, "upstream_error", words, again=False, details={"said": str(status)})
    if status < 400:  # noqa: PLR2004
        return _failed(
            502, "upstream_redirect", "answered with a redirect; its base URL is wrong", again=False
        )
    retry_after = _seconds(whole.headers.get("retry-after"))
    if status >= 500:  # noqa: PLR2004  (its fault)
        failure = _failed(
            504 if status == 504 else 502,  # noqa: PLR2004  (HTTP's own number)
            "upstream_error",
            f"failed ({status}): {message}",
            again=again,
            details={"said": f"{status}: {message}"},
        )
    else:
        failure = _failed(
            status,
            "upstream_refused",
            f"refused the request ({status}): {message}",
            again=again,
            details={"said": f"{status}: {message}"},
        )
        failure.elsewhere = again  # it understood the request and refuses it; another would too
        if whole.parsed is not None:
            key = target.config.api_key
            whole.body = whole.body.replace(key.encode(), b"***") if key else whole.body
            failure.whole = whole
    failure.refusal.retry_after = retry_after
    return failure


def _clean(message: str, target: Target) -> str:
    """A provider's words, short, and without the key that some of them repeat."""
    key = target.config.api_key
    return (message.replace(key, "***") if key else message)[:500]


def _seconds(value: str | None) -> float | None:
    """A `retry-after` in seconds; one that is a date, or nonsense, is left out."""
    return float(value) if value and value.isascii() and value.isdecimal() and len(value) < _DIGITS else None
