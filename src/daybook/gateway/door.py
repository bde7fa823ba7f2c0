"""The door: a plain ASGI application through which every call of other people's programs goes.

The path of a call: who is it → where does it lead → what does it ask → which provider → pass the answer on → write it
down. A call that was let in leaves a call log whatever happens after, and one that was sent to a model leaves exactly one line.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import orjson
from llm_tracker.usage import Usage, usage_from_response

from daybook.accounts.service import CodeGrant
from daybook.gateway.apis import PREFIXES, Api, Family, Route, route_of
from daybook.gateway.attempts import Begun, Whole, begin
from daybook.gateway.auth import Codes, shown_code
from daybook.gateway.body import ClientLeft, Receive, form_fields, parse_json, read_body
from daybook.gateway.catalogue import Catalogue
from daybook.gateway.errors import Refusal, error_body
from daybook.gateway.exchange import Exchange
from daybook.gateway.limits import MinuteLimits
from daybook.gateway.providers import matches
from daybook.gateway.records import entry_builder
from daybook.gateway.relay import CLIENT_LEFT, Send, relay
from daybook.gateway.routing import targets_for
from daybook.gateway.trace import caller_metadata, trace_id
from daybook.ledger.recorder import Recorder
from daybook.settings import Settings

log = logging.getLogger(__name__)

_PASSED_ON = ("retry-after", "request-id", "x-request-id", "openai-processing-ms", "content-disposition")


class Door:
    """The gateway of one process."""

    def __init__(
        self,
        *,
        settings: Settings,
        codes: Codes,
        catalogue: Catalogue,
        recorder: Recorder,
        client: aiohttp.ClientSession,
    ) -> None:
        self._settings = settings
        self._codes = codes
        self._catalogue = catalogue
        self._recorder = recorder
        self._client = client
        self._limits = MinuteLimits()

    @staticmethod
    def is_for(path: str) -> bool:
        """Whether `path` belongs to the gateway."""
        return path.startswith(PREFIXES)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
        path: str = scope["path"]
        route = route_of(scope["method"], path, anthropic="anthropic-version" in headers)
        try:
            grant = await self._codes.grant(shown_code(headers, query))
            if self._recorder.full:
                raise Refusal(
                    503,
                    "records_waiting",
                    "Daybook cannot record calls at the moment, so it takes none. Try again.",
                    5,
                )
        except Refusal as refusal:
            await _send_refusal(send, route.family, refusal)
            return
        exchange = Exchange(grant=grant, route=route, path=path[:1000], headers=headers, query=query)
        call = Call(self, exchange, receive, send)
        await call.run()

    async def answer(self, exchange: Exchange, receive: Receive) -> Whole | Begun:
        """The provider's answer to what `exchange` asks, whole or begun. Raises `Refusal` when there is none."""
        api = await self._admit(exchange, receive)
        targets = targets_for(await self._catalogue.providers(), api, exchange.model)
        return await begin(self._client, exchange, api, targets)

    async def models(self, exchange: Exchange) -> Any:
        """The list of models that the caller may use, or one of them."""
        return await self._catalogue.listing(exchange)

    def record(self, exchange: Exchange) -> None:
        """Write down a call that has ended."""
        exchange.ended = exchange.ended or time.perf_counter()
        if exchange.usage is not None:
            self._limits.spend(exchange.grant, exchange.usage.total_tokens)
        self._recorder.add(entry_builder(exchange, self._catalogue.prices))

    async def _admit(self, exchange: Exchange, receive: Receive) -> Api:
        """Read what is asked and check that it may be."""
        api = exchange.route.api
        if exchange.route.kind == "call":
            self._limits.admit(exchange.grant)
        exchange.body = await read_body(receive, exchange.headers, self._settings.max_body)
        if api is None or exchange.route.kind != "call":
            raise _no_such_call(exchange.route, exchange.path)
        exchange.trace_id = trace_id(exchange.headers)
        exchange.caller = caller_metadata(exchange.headers)
        if api.body == "multipart":
            exchange.request = form_fields(exchange.body, exchange.headers)
            exchange.stream = exchange.request.get("stream", "").lower() == "true"
        else:
            exchange.request = await parse_json(exchange.body, exchange.headers)
            exchange.stream = exchange.request.get("stream") is True or api.name == "streamGenerateContent"
        exchange.model = exchange.route.model or _model_named(exchange.request)
        _check(exchange.request, exchange.model, exchange.grant)
        return api


class Call:
    """One call on its way through the door."""

    def __init__(self, door: Door, exchange: Exchange, receive: Receive, send: Send) -> None:
        self._door = door
        self._exchange = exchange
        self._receive = receive
        self._send = send

    async def run(self) -> None:
        """Answer the call and record it, whatever happens."""
        exchange = self._exchange
        recorded = False
        try:
            recorded = await self._answer()
        except Refusal as refusal:
            self._refused(refusal)
            self._door.record(exchange)
            recorded = True
            await _send_refusal(self._send, exchange.route.family, refusal, str(exchange.id))
        except ClientLeft:
            exchange.error = "The client closed the connection in the middle of its request."
        except Exception:
            log.exception("Call %s failed inside the gateway.", exchange.id)
            refusal = Refusal(
                500, "internal", f"Daybook itself failed; its log tells why, under call {exchange.id}."
            )
            self._refused(refusal)
            if exchange.first_byte is None:
                await _send_refusal(self._send, exchange.route.family, refusal, str(exchange.id))
        except asyncio.CancelledError:
            exchange.error = exchange.error or "The server stopped before the answer was complete."
            raise
        finally:
            if not recorded:
                self._door.record(exchange)

    async def _answer(self) -> bool:
        """Answer the call. Returns whether it was recorded on the way."""
        exchange = self._exchange
        if exchange.route.kind == "models":
            exchange.parsed = await self._door.models(exchange)
            await self._whole(200, orjson.dumps(exchange.parsed), "application/json", {})
            return True
        outcome = await self._door.answer(exchange, self._receive)
        exchange.first_byte = time.perf_counter()
        if isinstance(outcome, Whole):
            exchange.parsed = outcome.parsed
            exchange.media_type = outcome.headers.get("content-type", "application/json")
            if outcome.parsed is None:
                exchange.keep(outcome.body)
            exchange.usage = _usage(exchange, outcome)
            await self._whole(outcome.status, outcome.body, exchange.media_type, outcome.headers)
            return True
        return await self._stream(outcome)

    async def _whole(self, status: int, body: bytes, media_type: str, received: Mapping[str, str]) -> None:
        exchange = self._exchange
        exchange.status = status
        exchange.ended = time.perf_counter()
        self._door.record(exchange)
        headers = _headers(exchange, media_type, received)
        headers.append((b"content-length", str(len(body)).encode()))
        await _respond(self._send, status, headers, body)

    async def _stream(self, begun: Begun) -> bool:
        exchange = self._exchange
        api, target = exchange.route.api, exchange.target
        if api is None or target is None:
            raise AssertionError("a stream has an API and a target")
        exchange.media_type = begun.response.headers.get("content-type", "text/event-stream")
        headers = _headers(exchange, exchange.media_type, begun.response.headers)
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        rest = await relay(exchange, api, begun, target.provider.idle_timeout, self._receive, self._send)
        self._door.record(exchange)
        await self._send({"type": "http.response.body", "body": rest, "more_body": False})
        return True

    def _refused(self, refusal: Refusal) -> None:
        self._exchange.status = refusal.status
        self._exchange.error = f"{refusal.code}: {refusal.message}"


def _model_named(request: dict[str, Any]) -> str:
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise Refusal(
            400, "missing_model", "The request names no model: set 'model' to a string.", param="model"
        )
    return model


def _check(request: dict[str, Any], model: str, grant: CodeGrant) -> None:
    if request.get("background") is True:
        raise Refusal(
            400,
            "not_metered",
            "Daybook does not pass on background responses: their tokens could not be counted. Leave 'background' out.",
            param="background",
        )
    if grant.models is not None and not any(matches(allowed, model) for allowed in grant.models):
        raise Refusal(
            403,
            "model_not_allowed",
            f"This activation code may not use {model[:200]!r}. It may use: {', '.join(grant.models)[:500]}.",
            param="model",
        )


def _no_such_call(route: Route, path: str) -> Refusal:
    if route.kind == "method":
        return Refusal(405, "method_not_allowed", f"{path[:200]} is not called with this method.")
    if route.kind == "unmetered":
        return Refusal(
            400,
            "not_metered",
            f"{path[:200]} is not passed on: what it does could not be counted to the token. "
            "Call the provider directly for it.",
        )
    return Refusal(404, "unknown_path", f"There is nothing at {path[:200]}. Check the base URL of your SDK.")


def _usage(exchange: Exchange, whole: Whole) -> Usage | None:
    if whole.parsed is None or exchange.route.api is None or not exchange.route.api.line:
        return None
    return usage_from_response(exchange.route.api.name, whole.parsed)


def _headers(exchange: Exchange, media_type: str, received: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", media_type.encode("latin-1")),
        (b"x-daybook-call-id", str(exchange.id).encode()),
    ]
    headers.extend(
        (name.encode(), value.encode("latin-1"))
        for name in _PASSED_ON
        if (value := received.get(name)) is not None
    )
    return headers


async def _send_refusal(send: Send, family: Family, refusal: Refusal, call_id: str | None = None) -> None:
    body = orjson.dumps(error_body(family, refusal.status, refusal.code, refusal.message, refusal.param))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if call_id is not None:
        headers.append((b"x-daybook-call-id", call_id.encode()))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(max(1, round(refusal.retry_after))).encode()))
    if refusal.status == 413:  # noqa: PLR2004  (the rest of the body is not worth reading)
        headers.append((b"connection", b"close"))
    await _respond(send, refusal.status, headers, body)


async def _respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
