"""Refusals and failures, in the shape of the API that was called.

A `Refusal` is raised wherever a call cannot go on, and turned into bytes once, in `call/responses.py`.
"""

from typing import Any

import orjson

from daybook.gateway.apis.table import Family
from daybook.kit.errors import Specifics

_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    500: "server_error",
    502: "upstream_error",
    503: "service_unavailable",
    504: "upstream_error",
}
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


class Refusal(Exception):
    """A call that is refused or has failed.

    `code` is the machine's word for it; `message` says what happened, what it means and what to do, and `details` what
    it says of this very case. `retry_after` is in seconds. `param` names the field at fault, `allow` the method that is
    right here.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        retry_after: float | None = None,
        param: str | None = None,
        allow: str | None = None,
        details: Specifics | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.param = param
        self.allow = allow
        self.details: Specifics = details or {}


def error_body(
    family: Family, status: int, code: str, message: str, param: str | None = None
) -> dict[str, Any]:
    """The error in the shape of `family`."""
    match family:
        case Family.ANTHROPIC:
            kind = _ANTHROPIC_TYPES.get(status, "api_error")
            return {"type": "error", "error": {"type": kind, "message": message, "code": code}}
        case Family.GEMINI:
            info = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": code.upper(),
                "domain": "daybook",
            }
            state = _GEMINI_STATUSES.get(status, "INTERNAL")
            return {"error": {"code": status, "message": message, "status": state, "details": [info]}}
        case Family.OPENAI:
            kind = _OPENAI_TYPES.get(status, "invalid_request_error")
            return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_event(family: Family, api: str, media_type: str, code: str, message: str) -> bytes:
    """The error as the end of a stream that had begun: an event, whatever the stream's content type says of it;
    a line where it has lines; in Gemini's JSON arrays, the last element.
    """
    if api == "responses":
        body: dict[str, Any] = {"type": "error", "code": code, "message": message, "param": None}
    else:
        body = error_body(family, 502, code, message)
    said = orjson.dumps(body)
    if family is Family.GEMINI and media_type.startswith("application/json"):
        return b"," + said + b"]"
    if media_type.startswith(("application/x-ndjson", "application/jsonl")):
        return b"\n" + said + b"\n"
    name = b"" if family is not Family.ANTHROPIC and api != "responses" else b"event: error\n"
    return b"\n\n" + name + b"data: " + said + b"\n\n"
