"""Admission: read a request's API, model and options, and check them."""

from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.table import Route
from daybook.gateway.call.body import Receive, form_fields, parse_json, read_body, written
from daybook.gateway.call.caller_headers import caller_metadata, trace_id
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange


async def admit(exchange: Exchange, receive: Receive, *, max_body: int) -> Api:
    """Fill `exchange` from its body and headers. Raises `Refusal` for a malformed or unsupported request."""
    exchange.body = await read_body(receive, exchange.headers, max_body)
    api = exchange.route.api
    if api is None or exchange.route.kind != "call":
        raise _no_such_call(exchange.route, exchange.path)
    exchange.trace_id = trace_id(exchange.headers)
    exchange.caller_metadata = caller_metadata(exchange.headers)
    if api.body == "multipart":
        exchange.request = form_fields(exchange.body, exchange.headers)
        exchange.stream = exchange.request.get("stream", "").lower() == "true"
    else:
        exchange.request = await parse_json(exchange.body, exchange.headers)
        exchange.stream = exchange.request.get("stream") is True or api.always_streams
        if exchange.grant.models is not None:
            exchange.body = written(exchange.request)
    exchange.model = exchange.route.model or _model_named(exchange.request, api.default_model)
    if exchange.request.get("background") is True:
        raise Refusal(
            400,
            "not_metered",
            "Background responses are not supported: their tokens cannot be counted. Leave 'background' out.",
            param="background",
        )
    return api


def _no_such_call(route: Route, path: str) -> Refusal:
    match route.kind:
        case "method":
            allow = "GET" if route.api is None else "POST"
            return Refusal(
                405, "method_not_allowed", f"{path[:200]} is called with {allow} only.", allow=allow
            )
        case "unmetered":
            words = "is not supported: its tokens cannot be counted. Call the provider directly."
            return Refusal(400, "not_metered", f"{path[:200]} {words}")
        case _:
            return Refusal(
                404, "unknown_path", f"There is nothing at {path[:200]}. Check your SDK's base URL."
            )


def _model_named(request: dict[str, Any], default: str | None) -> str:
    model = request.get("model", default)
    if isinstance(model, str) and model:
        return model
    raise Refusal(400, "missing_model", "The request names no model: set 'model' to a string.", param="model")
