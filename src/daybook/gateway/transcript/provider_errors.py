"""Errors of any provider, in a sentence."""

import re
from typing import Any

from daybook.gateway.transcript.json_access import as_dict, as_list, as_text, parse
from daybook.gateway.transcript.storable import storable_text

ERROR_LIMIT = 500
"""Characters of an error that are kept."""

_DEEPEST = 4  # levels of an error that are searched for its message
_UNSAID = "The provider reports an error without saying which."
_PAGE_LIMIT = 16_000  # bytes of a page that are searched for text
_SIGNS = (b"error", b"failed", b'"success"', b'"code"', b"\\u")
"""Bytes, one of which is in every error report; the last is an escaped letter."""
_WORDS = ("message", "msg", "detail", "error_description", "error", "reason", "status", "code", "type")


def error_in(answer: Any) -> str | None:
    """Return the error that an answer, or an event of a stream, reports despite status 200; or None."""
    if isinstance(answer, list):
        return next((error for item in answer[:3] if (error := _error_in_object(as_dict(item)))), None)
    return _error_in_object(as_dict(answer))


def error_in_stream(raw: bytes, chunks: list[dict[str, Any]]) -> str | None:
    """Return the first error that the events of a stream report. Few do, so the bytes are searched first."""
    if not any(sign in raw for sign in _SIGNS):
        return None
    return next((error for chunk in chunks if (error := _error_in_object(chunk))), None)


def _error_in_object(answer: dict[str, Any]) -> str | None:
    response = as_dict(answer.get("response"))  # the last event of the Responses API
    error = answer.get("error") or response.get("error")
    if not error and (answer.get("type") == "error" or answer.get("object") == "error"):
        error = answer
    if not error and answer.get("success") is False:  # Cloudflare
        error = answer.get("errors")
    if not error and answer.get("code") and answer.get("message") and not answer.get("output"):  # DashScope
        error = answer
    for choice in as_list(answer.get("choices")):  # OpenRouter
        error = error or as_dict(choice).get("error")
    if error:
        return _sentence(error)
    failed = response.get("status") == "failed" or (answer.get("status") == "failed" and "output" in answer)
    return "The provider reports that the response failed." if failed else None


def error_of_body(body: Any) -> str:
    """Return the error in the body of a 4xx or 5xx answer: JSON of any shape, text or HTML."""
    if isinstance(body, bytes):
        try:
            body = parse(body)
        except ValueError:
            return page_text(body) or "The answer is empty."
    if isinstance(body, str):
        return page_text(body.encode("utf-8", "replace")) or "The answer is empty."
    return error_in(body) or _sentence(body)


def page_text(raw: bytes) -> str:
    """Return the beginning of the visible text of a page of HTML or plain text."""
    page = raw[:_PAGE_LIMIT].decode("utf-8", "replace")
    if "<" in page:
        first, *others = re.split(r"(?i)<(?:script|style)\b", page)
        visible = (re.split(r"(?i)</(?:script|style)\s*>", other, maxsplit=1)[1:] for other in others)
        page = re.sub(r"<[^<>]*>?", " ", " ".join([first, *(text for texts in visible for text in texts)]))
    return _cut(" ".join(page.split()))


def _sentence(error: Any, depth: int = 0) -> str:
    if isinstance(error, str):
        return _cut(" ".join(error.split())) or _UNSAID
    if isinstance(error, list) and error and depth < _DEEPEST:
        return _cut("; ".join(_sentence(item, depth + 1) for item in error[:3]))
    if isinstance(error, dict) and depth < _DEEPEST:
        for word in _WORDS:
            held = error.get(word)
            if isinstance(held, int) and not isinstance(held, bool):
                return f"The provider reports error {str(held)[:20]}."
            if held and isinstance(held, str | list | dict):
                said = _sentence(held, depth + 1)
                cause = as_text(
                    as_dict(error.get("metadata")).get("raw")
                )  # OpenRouter: the words of its provider
                return _cut(f"{said}: {cause}") if cause else said
    return _UNSAID


def _cut(text: str) -> str:
    return storable_text(text if len(text) <= ERROR_LIMIT else text[: ERROR_LIMIT - 1] + "…")
