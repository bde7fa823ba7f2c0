"""Families of APIs: the shape of errors and of model lists, and the requests by which a family is recognised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_BROKEN_OFF = 502
_UNDATED = "1970-01-01T00:00:00Z"  # Anthropic's API promises a date, and other providers' models have none
_LINES = ("application/x-ndjson", "application/jsonl")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error for a caller. `param` names the field at fault."""

    status: int
    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model. `owner` is the name of the configuration that serves it."""

    name: str
    owner: str

    @property
    def label(self) -> str:
        """The name for people."""
        return f"{self.name} (offline demo model)" if self.owner == "demo" else self.name


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Family:
    """A family of APIs."""

    name: str
    error: Callable[[ApiError], Json]
    """The shape of an error."""
    model: Callable[[ListedModel], Json]
    """The shape of one model."""
    model_list: Callable[[list[Json]], Json]
    """The shape of a list of models."""
    headers: tuple[str, ...] = ()
    """Headers that only this family's SDKs send."""
    query: tuple[str, ...] = ()
    """Parameters of a URL that only this family's SDKs send."""
    names_model_in_path: bool = False
    """Its paths are `models/{model}:{action}`, and an API's `tail` is the action."""
    event_name: str = ""
    """The name of an error's event in a stream; events without one have no `event:` line."""
    streams_arrays: bool = False
    """A stream of type `application/json` is an array of events."""

    def error_body(self, status: int, code: str, message: str, param: str | None = None) -> Json:
        """Return an error as JSON."""
        return self.error(ApiError(status, code, message, param))

    def stream_error(self, media_type: str, code: str, message: str) -> bytes:
        """Return an error as the end of a stream that had begun."""
        error = self.error_body(_BROKEN_OFF, code, message)
        if self.streams_arrays and media_type.startswith("application/json"):
            return b"," + orjson.dumps(error) + b"]"
        return last_event(media_type, error, self.event_name)

    def is_spoken(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Return True if a request carries what only this family's SDKs send."""
        return any(name in headers for name in self.headers) or any(name in query for name in self.query)


def last_event(media_type: str, error: Json, name: str) -> bytes:
    """Return an error as a server-sent event, or as a line in a stream of JSON lines."""
    data = orjson.dumps(error)
    if media_type.startswith(_LINES):
        return b"\n" + data + b"\n"
    head = f"event: {name}\n".encode() if name else b""
    return b"\n\n" + head + b"data: " + data + b"\n\n"


_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    500: "server_error",
    502: "upstream_error",
    503: "service_unavailable",
    504: "upstream_error",
}


def _openai_error(error: ApiError) -> Json:
    kind = _OPENAI_TYPES.get(error.status, "invalid_request_error")
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.code}}


def _openai_model(model: ListedModel) -> Json:
    listed = {"id": model.name, "object": "model", "created": 0, "owned_by": model.owner}
    return {**listed, "name": model.label}


OPENAI_FAMILY = Family(
    name="openai",
    error=_openai_error,
    model=_openai_model,
    model_list=lambda models: {"object": "list", "data": models},
)

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def _anthropic_error(error: ApiError) -> Json:
    kind = _ANTHROPIC_TYPES.get(error.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": error.message, "code": error.code}}


def _anthropic_model(model: ListedModel) -> Json:
    return {"type": "model", "id": model.name, "display_name": model.label, "created_at": _UNDATED}


def _anthropic_models(models: list[Json]) -> Json:
    first, last = (models[0]["id"], models[-1]["id"]) if models else (None, None)
    return {"data": models, "has_more": False, "first_id": first, "last_id": last}


ANTHROPIC_FAMILY = Family(
    name="anthropic",
    error=_anthropic_error,
    model=_anthropic_model,
    model_list=_anthropic_models,
    headers=("anthropic-version",),
    event_name="error",
)

_GEMINI_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def _gemini_error(error: ApiError) -> Json:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    info = {"@type": kind, "reason": error.code.upper(), "domain": "daybook"}
    state = _GEMINI_STATUSES.get(error.status, "INTERNAL")
    return {"error": {"code": error.status, "message": error.message, "status": state, "details": [info]}}


def _gemini_model(model: ListedModel) -> Json:
    methods = ["generateContent", "countTokens"]
    return {
        "name": f"models/{model.name}",
        "displayName": model.label,
        "supportedGenerationMethods": methods,
    }


GEMINI_FAMILY = Family(
    name="gemini",
    error=_gemini_error,
    model=_gemini_model,
    model_list=lambda models: {"models": models},
    headers=("x-goog-api-key", "x-goog-api-client"),
    query=("key",),
    names_model_in_path=True,
    streams_arrays=True,
)
