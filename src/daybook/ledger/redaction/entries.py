"""Records, at the end of their way: what the bodies gave and what came from elsewhere (errors, a caller's metadata)."""

from dataclasses import replace
from typing import Any

import orjson

from daybook.ledger.entries import Entry, LineEntry, LogEntry
from daybook.ledger.redaction import Redact, redact_bytes, redact_error, redact_json


def redact_entry(mode: Redact, entry: Entry) -> Entry:
    """`entry` as it may be written. Where its bodies were redacted on their way, this finds nothing more in them."""
    line, log = entry.line, entry.log
    return replace(
        entry,
        line=None if line is None else _line(mode, line),
        log=None if log is None else _log(mode, log),
    )


def _line(mode: Redact, line: LineEntry) -> LineEntry:
    return replace(
        line,
        error=None if line.error is None else redact_error(mode, line.error),
        metadata=_metadata(mode, line.metadata),
    )


def _log(mode: Redact, log: LogEntry) -> LogEntry:
    said = log.response_content
    return replace(
        log,
        request_messages=_json(mode, log.request_messages) or "{}",
        request_params=_json(mode, log.request_params),
        response_content=None
        if said is None or mode is Redact.CONTENT
        else redact_bytes(mode, said.encode("utf-8", "surrogatepass")).decode("utf-8", "replace"),
        response_data=_json(mode, log.response_data),
        error_message=None if log.error_message is None else redact_error(mode, log.error_message),
    )


def _json(mode: Redact, text: str | None) -> str | None:
    """JSON text."""
    if text is None:
        return None
    if mode is Redact.CONTENT:
        return _dump(redact_json(mode, orjson.loads(text)))
    return redact_bytes(mode, text.encode()).decode()


def _metadata(mode: Redact, text: str) -> str:
    """A line's metadata. What Daybook says of the call stays; what attempts say went wrong is an error as any other;
    what the caller noted is no part of what was said, but may hold secrets.
    """
    if mode is not Redact.CONTENT:
        return redact_bytes(mode, text.encode()).decode()
    metadata = redact_json(Redact.SECRETS, orjson.loads(text))
    for attempt in metadata.get("attempts") or []:
        if isinstance(attempt, dict) and isinstance(attempt.get("error"), str):
            attempt["error"] = redact_error(mode, attempt["error"])
    return _dump(metadata)


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()
