"""The events of a recorded stream, in order, whatever framing the provider used.

The bytes show the framing: server-sent events, one JSON object a line (Ollama), or one JSON array (Gemini without
`alt=sse`). Unreadable lines are skipped and counted.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from daybook.gateway.transcript.json_access import as_dict, as_list, parse
from daybook.gateway.transcript.storable import storable_text

_NOTE_LIMIT = 100  # bytes of the first unreadable line that are quoted


@dataclass(slots=True)
class RecordedStream:
    """The content of a stream. `whole`: it was one JSON object without framing, so not a stream."""

    chunks: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False
    whole: bool = False
    unreadable: int = 0
    first_unreadable: bytes = b""

    def note(self) -> str | None:
        """Return a sentence about unreadable lines; None if there were none."""
        if not self.unreadable:
            return None
        quoted = storable_text(self.first_unreadable[:_NOTE_LIMIT].decode("utf-8", "replace"))
        lines = "1 line" if self.unreadable == 1 else f"{self.unreadable} lines"
        return f"The stream holds {lines} that cannot be read and were skipped; the first: {quoted}"

    def add(self, payload: bytes, event: bytes = b"") -> None:
        """Take the data of one event."""
        payload = payload.strip()
        if not payload:
            return
        if payload.startswith(b"[DONE]"):
            self.done = True
            return
        try:
            chunk = parse(payload)
        except ValueError:
            chunk = {"error": payload.decode("utf-8", "replace")} if event == b"error" else None
        if isinstance(chunk, dict):
            if event == b"error" and not chunk.get("error"):
                chunk = {"error": chunk}
            self.chunks.append(chunk)
        elif isinstance(chunk, list):
            self.chunks.extend(as_dict(item) for item in as_list(chunk))
        else:
            self.skip(payload)

    def skip(self, line: bytes) -> None:
        """Count an unreadable line."""
        self.unreadable += 1
        self.first_unreadable = self.first_unreadable or line


def read_recorded(raw: bytes) -> RecordedStream:
    """Return the events of a stream."""
    stream = RecordedStream()
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    head = raw[:64].lstrip()[:1]
    if head in {b"{", b"["}:
        try:
            value = parse(raw)
        except ValueError:
            if head == b"[":
                _read_array(raw, stream)
                return stream
        else:
            stream.whole = isinstance(value, dict)
            stream.chunks = [as_dict(item) for item in as_list(value)] or [as_dict(value)]
            return stream
    _read_lines(raw, stream)
    return stream


def _read_lines(raw: bytes, stream: RecordedStream) -> None:
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for block in raw.split(b"\n\n"):
        if block.startswith(b"data:") and b"\n" not in block:
            stream.add(block[5:])
        else:
            _read_event(block, stream)


def _read_event(block: bytes, stream: RecordedStream) -> None:
    """Read an event of several lines, or lines of JSON without a field name."""
    event = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        line = line.lstrip()  # noqa: PLW2901  the same line; a provider's stray blank is not worth an event
        if line.startswith(b"data:"):
            data.append(line[5:])
        elif line.startswith(b"event:"):
            event = line[6:].strip()
        elif line.startswith(b"{"):
            stream.add(line, event)
        elif line and not line.startswith((b":", b"id:", b"retry:")):
            stream.skip(line)
    joined = b"\n".join(data)
    if len(data) > 1 and not _is_json(joined):
        for payload in data:
            stream.add(payload, event)
    else:
        stream.add(joined, event)


def _is_json(payload: bytes) -> bool:
    try:
        parse(payload)
    except ValueError:
        return False
    return True


def _read_array(raw: bytes, stream: RecordedStream) -> None:
    """Read the elements of an incomplete or damaged array, as far as possible."""
    text = raw.decode("utf-8", "replace")
    decoder = json.JSONDecoder(parse_constant=str)
    at = text.index("[") + 1
    while True:
        while at < len(text) and text[at] in ", \t\r\n":
            at += 1
        if at >= len(text) or text[at] == "]":
            return
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            stream.skip(text[at : at + _NOTE_LIMIT].encode("utf-8", "replace"))
            return
        stream.chunks.append(as_dict(item))
