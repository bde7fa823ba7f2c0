"""The caller's headers about a call: `traceparent` and `x-daybook-metadata`."""

import re
from typing import Any

import orjson

from daybook.gateway.errors import Refusal

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_NO_TRACE = "0" * 32
_LARGEST = 8192


def trace_id(headers: dict[str, str]) -> str | None:
    """Return the trace id of `traceparent`. A malformed header is ignored, as W3C Trace Context says."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", "").strip().lower())
    return found[1] if found and found[1] != _NO_TRACE else None


def caller_metadata(headers: dict[str, str]) -> dict[str, Any] | None:
    """Return the object in `x-daybook-metadata`, for the line's metadata. Raises `Refusal` (400)."""
    text = headers.get("x-daybook-metadata")
    if not text:
        return None
    try:
        value = orjson.loads(text.encode("latin-1")) if len(text) <= _LARGEST else None
    except (orjson.JSONDecodeError, UnicodeError):
        value = None
    if not isinstance(value, dict):
        raise Refusal(
            400,
            "bad_metadata",
            f"The header x-daybook-metadata must be a JSON object of at most {_LARGEST} bytes.",
            param="x-daybook-metadata",
        )
    return value
