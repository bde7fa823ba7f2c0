"""Families of APIs: the shape of errors and of model lists, and the requests by which a family is recognised."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

_BROKEN_OFF = 502
_UNDATED = "1970-01-01T00:00:00Z"  # Anthropic's API promises a date, and other providers' models have none
_LINES = ("application/x-ndjson", "application/jsonl")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Family:
    """A family of APIs."""

    name: str
    error_body: Callable[[int, str, str, str | None], Json]
    """The shape of an error: its status, code, message, and the field at fault."""
    model: Callable[[str, str], Json]
    """The shape of one model: its name, and the name of the configuration that serves it."""
    model_list: Callable[[list[Json]], Json]
    """The shape of a list of models."""
    headers: tuple[str, ...] = ()
    """Headers that only this family's SDKs send."""
    query: tuple[str, ...] = ()
    """Parameters of a URL that only this family's SDKs send."""
    forwarded_query: tuple[str, ...] = ()
    """Parameters of a URL that go on to the provider."""
    names_model_in_path: bool = False
    """Its paths are `models/{model}:{action}`, and an API's `tail` is the action."""
    event_name: str = ""
    """The name of an error's event in a stream; events without one have no `event:` line."""
    streams_arrays: bool = False
    """A stream of type `application/json` is an array of events."""

    def stream_error(self, media_type: str, code: str, message: str) -> bytes:
        """Return an error as the end of a stream that had begun."""
        error = self.error_body(_BROKEN_OFF, code, message, None)
        if self.streams_arrays and media_type.startswith("application/json"):
            return b"," + orjson.dumps(error) + b"]"
        return last_event(media_type, error, self.event_name)


def last_event(media_type: str, error: Json, name: str) -> bytes:
    """Return an error as a server-sent event, or as a line in a stream of JSON lines."""
    data = orjson.dumps(error)
    if media_type.startswith(_LINES):
        return b"\n" + data + b"\n"
    head = f"event: {name}\n".encode() if name else b""
    return b"\n\n" + head + b"data: " + data + b"\n\n"


_OPENAI_TYPES = {
    401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 500: "server_error",
    502: "upstream_error", 503: "service_unavailable", 504: "upstream_error",
}  # fmt: skip
_ANTHROPIC_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    405: "invalid_request_error", 413: "request_too_large", 415: "invalid_request_error", 429: "rate_limit_error",
    503: "overloaded_error", 504: "timeout_error",
}  # fmt: skip
_GEMINI_STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    405: "INVALID_ARGUMENT", 413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip


def _openai_error(status: int, code: str, message: str, param: str | None) -> Json:
    kind = _OPENAI_TYPES.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _anthropic_error(status: int, code: str, message: str, _param: str | None) -> Json:
    kind = _ANTHROPIC_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message, "code": code}}


def _gemini_error(status: int, code: str, message: str, _param: str | None) -> Json:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    info = {"@type": kind, "reason": code.upper(), "domain": "daybook"}
    state = _GEMINI_STATUSES.get(status, "INTERNAL")
    return {"error": {"code": status, "message": message, "status": state, "details": [info]}}


def _openai_model(name: str, owner: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner, "name": _label(name, owner)}


def _anthropic_model(name: str, owner: str) -> Json:
    return {"type": "model", "id": name, "display_name": _label(name, owner), "created_at": _UNDATED}


def _gemini_model(name: str, owner: str) -> Json:
    methods = ["generateContent", "countTokens"]
    label = _label(name, owner)
    return {"name": f"models/{name}", "displayName": label, "supportedGenerationMethods": methods}


def _label(name: str, owner: str) -> str:
    return f"{name} (offline demo model)" if owner == "demo" else name


def _anthropic_models(models: list[Json]) -> Json:
    first, last = (models[0]["id"], models[-1]["id"]) if models else (None, None)
    return {"data": models, "has_more": False, "first_id": first, "last_id": last}


OPENAI_FAMILY = Family(
    name="openai",
    error_body=_openai_error,
    model=_openai_model,
    model_list=lambda models: {"object": "list", "data": models},
)
ANTHROPIC_FAMILY = Family(
    name="anthropic",
    error_body=_anthropic_error,
    model=_anthropic_model,
    model_list=_anthropic_models,
    headers=("anthropic-version",),
    forwarded_query=("beta",),
    event_name="error",
)
GEMINI_FAMILY = Family(
    name="gemini",
    error_body=_gemini_error,
    model=_gemini_model,
    model_list=lambda models: {"models": models},
    headers=("x-goog-api-key", "x-goog-api-client"),
    query=("key",),
    forwarded_query=("alt",),
    names_model_in_path=True,
    streams_arrays=True,
)
