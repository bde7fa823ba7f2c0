"""`UsageReader`: reads usage from a passing stream of bytes, on the gateway's hot path.

The first bytes show the kind of body: server-sent events, NDJSON (Ollama), or one JSON value (a whole answer, or
Gemini's array of events). Bytes that cannot hold usage are never parsed. Only an incomplete event is kept; one larger
than `_MAX_PARSED` goes through `JsonScanner`, which keeps nothing.
"""

import re
from enum import Enum, auto
from typing import Any

import orjson

from llm_tracker.usage.api import ApiUsage
from llm_tracker.usage.apis import usage_of
from llm_tracker.usage.buckets import Usage
from llm_tracker.usage.response import Report
from llm_tracker.usage.scanner import JsonScanner

_MAX_PARSED = 64 * 1024
"""Bytes of one event, or of a whole JSON answer, that are kept and parsed at once."""

_BEFORE_BODY = b"\xef\xbb\xbf \t\n"
"""A byte order mark and white space, which may precede a body."""

_FIELD = re.compile(rb"\n(?:data|event|id|retry)?:")
"""The name at the head of an event's line."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_MAX_FIELD = len(b"\nretry:")


class _Kind(Enum):
    UNKNOWN = auto()  # nothing but white space so far
    EVENTS = auto()  # server-sent events
    VALUE = auto()  # JSON whose first line has not ended: LINES or JSON
    LINES = auto()  # one JSON object a line
    JSON = auto()  # one JSON value


class UsageReader:
    """Reads the usage of one answer from its bytes, cut anywhere. Never raises for malformed answers.

    Raises `ValueError` for an unknown name of an API. Not thread-safe.
    """

    __slots__ = ("_after_cr", "_api", "_buffer", "_kind", "_report", "_scanner", "_searched")

    def __init__(self, api: ApiUsage | str) -> None:
        self._api = usage_of(api)
        self._report = Report(self._api)
        self._kind = _Kind.UNKNOWN
        self._buffer = bytearray()  # the event that is not complete yet
        self._searched = 0  # bytes of the buffer in which no event ends
        self._after_cr = False  # the last byte was a CR, whose LF may follow
        self._scanner: JsonScanner | None = None  # reads the current event, a large one

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the answer."""
        if not data or not self._api.sources:
            return
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if (
            self._kind is _Kind.EVENTS
            and not self._buffer
            and self._scanner is None
            and data.endswith(b"\n\n")
            and not self._api.hint.search(data)
        ):
            return  # whole events without usage: nearly every piece of nearly every stream
        self._buffer += data
        if self._kind is _Kind.UNKNOWN or self._kind is _Kind.VALUE:
            self._find_kind()
        if self._kind is _Kind.EVENTS:
            self._feed_events(b"\n\n")
        elif self._kind is _Kind.LINES:
            self._feed_events(b"\n")
        elif self._kind is _Kind.JSON:
            self._feed_json()

    def finish(self) -> Usage | None:
        """Return the reported usage, or None. The last event may lack its end."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        if self._scanner is not None:
            self._scan(rest)
            self._scanner = None
        elif self._api.hint.search(rest):
            if self._kind is _Kind.JSON or self._kind is _Kind.VALUE:
                self._take_json(rest)
            else:
                self._take_event(rest)
        return self._report.usage()

    def _with_lf(self, data: bytes) -> bytes:
        """Return the data with LF for every line end. JSON strings are unaffected: CR is escaped in them."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _find_kind(self) -> None:
        """Recognise the kind of body by its first byte, and NDJSON by a first line that is an object."""
        if self._kind is _Kind.UNKNOWN:
            self._buffer = self._buffer.lstrip(_BEFORE_BODY)
            if not self._buffer:
                return
            self._kind = _Kind.VALUE if self._buffer.startswith((b"{", b"[")) else _Kind.EVENTS
        if self._kind is _Kind.VALUE:
            line_end = self._buffer.find(b"\n", self._searched)
            self._searched = len(self._buffer)
            if line_end >= 0:
                first_line = _parsed(bytes(self._buffer[:line_end]))
                self._kind = _Kind.LINES if isinstance(first_line, dict) else _Kind.JSON
                self._searched = 0
            elif len(self._buffer) > _MAX_PARSED:
                self._kind = _Kind.JSON

    def _feed_events(self, separator: bytes) -> None:
        if self._scanner is not None and not self._large_event_ended(separator):
            return
        buffer = self._buffer
        end = buffer.rfind(separator, max(0, self._searched - 1))
        if end >= 0:
            complete = bytes(buffer[:end])
            del buffer[: end + len(separator)]
            if self._api.hint.search(complete):
                for event in complete.split(separator):
                    if self._api.hint.search(event):
                        self._take_event(event)
        self._searched = len(buffer)
        if len(buffer) > _MAX_PARSED:
            self._scanner = JsonScanner(self._api.keep)
            self._large_event_ended(separator)

    def _large_event_ended(self, separator: bytes) -> bool:
        """Pass the bytes of a large event through the scanner. True if its end was among them."""
        buffer = self._buffer
        end = buffer.find(separator)
        if end >= 0:
            self._scan(bytes(buffer[:end]))
            self._scanner = None
            del buffer[: end + len(separator)]
        else:
            stop = len(buffer)
            if self._kind is _Kind.EVENTS:
                # A line end may be half of an event's end, or its line's field name is still to come.
                line_end = buffer.rfind(b"\n", max(0, stop - _MAX_FIELD))
                stop = line_end if line_end >= 0 else stop
            self._scan(bytes(buffer[:stop]))
            del buffer[:stop]
        self._searched = 0
        return end >= 0

    def _feed_json(self) -> None:
        if self._scanner is None and len(self._buffer) > _MAX_PARSED:
            self._scanner = JsonScanner(self._api.keep)
        if self._scanner is not None:
            self._scan(bytes(self._buffer))
            self._buffer.clear()

    def _scan(self, data: bytes) -> None:
        if self._kind is _Kind.EVENTS:
            data = _FIELD.sub(b"\n", data)
        if self._scanner is not None:
            for item in self._scanner.feed(data):
                self._report.take(item)

    def _take_json(self, body: bytes) -> None:
        value = _parsed(body)
        if value is None:  # cut off, or several values: what is complete counts
            self._scanner = JsonScanner(self._api.keep)
            self._scan(body)
            self._scanner = None
        for item in value if isinstance(value, list) else [value]:
            self._report.take(item)

    def _take_event(self, event: bytes) -> None:
        if self._kind is _Kind.LINES:
            self._report.take(_parsed(event))
            return
        payloads = [line[5:] for line in map(bytes.lstrip, event.split(b"\n")) if line.startswith(b"data:")]
        value = _parsed(b"\n".join(payloads))
        if value is not None or len(payloads) < 2:  # noqa: PLR2004 - more than one line of data
            self._report.take(value)
            return
        # Not one value over several lines, then one value a line, from a server that forgets the blank lines.
        for payload in payloads:
            self._report.take(_parsed(payload))


def _parsed(data: bytes) -> Any:
    """Return the JSON value, or None. A surrogate whose other half is in another event is tolerated."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        whole = _SURROGATE.sub(rb"\\ufffd", data)
    try:
        return orjson.loads(whole) if whole != data else None
    except orjson.JSONDecodeError:
        return None
