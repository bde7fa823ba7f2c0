"""Redaction of everything that is written: journals, lines, call logs, answers kept for repeated requests.

- `off`: only activation codes are replaced.
- `secrets`: keys, tokens and passwords are recognised by their form and replaced by `[redacted: kind]`.
- `content`: only shape and size, numbers, models and states are kept.

Nothing here raises: an unreadable value is replaced as a whole. JSON stays JSON and a stream a stream, wherever it was
cut off. Tokens must be counted before.
"""

import logging
import re
from enum import StrEnum
from typing import Any

import orjson

from daybook.redaction.bodies import without_codes, without_content, without_secrets
from daybook.redaction.content import shape_of, without_quotes
from daybook.redaction.secrets import redact_text, without_code
from daybook.redaction.values import without_secrets_in

__all__ = ["Redact", "is_redacted", "redact_bytes", "redact_error", "redact_json", "redact_name"]

log = logging.getLogger(__name__)

_GONE = re.compile(r"\[redacted: [0-9]+ characters\]")
_UNREADABLE = "[redacted: it could not be read]"


class Redact(StrEnum):
    """The values of `DAYBOOK_REDACT`."""

    OFF = "off"
    SECRETS = "secrets"
    CONTENT = "content"


def redact_bytes(mode: Redact, data: bytes, pieces: re.Pattern[str] | None = None) -> bytes:
    """Redact a body (JSON, a stream of events, a form, text), whole or cut off anywhere.

    `pieces` finds the pieces of text in a stream's events (`text_pieces`); None if the body is no stream. Returns the
    same object if nothing had to be replaced.
    """
    try:
        match mode:
            case Redact.OFF:
                return without_codes(data)
            case Redact.SECRETS:
                return without_secrets(data, pieces)
            case Redact.CONTENT:
                return without_content(data)
    except Exception as problem:  # noqa: BLE001  (here and below: no record may be lost for it)
        _report("A body", problem)
        return f'{{"daybook":"{_UNREADABLE}"}}'.encode()


def redact_json(mode: Redact, value: Any) -> Any:
    """Redact a JSON value, which is not changed. Returns the same object if nothing had to be replaced."""
    try:
        match mode:
            case Redact.OFF:
                return _without_codes_in(value)
            case Redact.SECRETS:
                return without_secrets_in(value)
            case Redact.CONTENT:
                return shape_of(value)
    except Exception as problem:  # noqa: BLE001
        _report("A value", problem)
        return {"daybook": _UNREADABLE}


def redact_name(mode: Redact, name: str) -> str:
    """Redact a model's name or a path: only secrets that were put there by mistake."""
    return without_code(name) if mode is Redact.OFF else redact_text(name)


def is_redacted(text: str) -> bool:
    """True if `text` is the mark that `content` leaves of a text."""
    return _GONE.fullmatch(text.strip()) is not None


def redact_error(mode: Redact, sentence: str) -> str:
    """Redact an error's sentence. `content` removes it from the first quotation on."""
    try:
        match mode:
            case Redact.OFF:
                return without_codes(sentence.encode("utf-8", "surrogateescape")).decode(
                    "utf-8", "surrogateescape"
                )
            case Redact.SECRETS:
                return redact_text(sentence, cut=True)
            case Redact.CONTENT:
                return without_quotes(sentence)
    except Exception as problem:  # noqa: BLE001
        _report("An error", problem)
        return _UNREADABLE


def _without_codes_in(value: Any) -> Any:
    try:
        data = orjson.dumps(value)
    except TypeError:  # lone surrogates, or integers beyond 64 bits
        return value
    return value if (clean := without_codes(data)) is data else orjson.loads(clean)


def _report(what: str, problem: Exception) -> None:
    """Log without a traceback or the error's words, which could quote the body."""
    log.error("%s could not be redacted (%s); nothing of it is kept.", what, type(problem).__name__)
