"""Hiding the usage chunk of a chat stream from a client that did not ask for it.

The gateway sets `stream_options.include_usage` where the client did not; the provider then adds a chunk whose
`choices` is empty, which clients that index `choices[0]` cannot bear.
"""

from typing import Any

from daybook.gateway.transcript.shape import as_dict, parse


class UsageChunkFilter:
    """Takes that one event out of a stream of chat or completions; passes all else byte for byte.

    An event waits until it is whole (no client can read half of one); comments, which keep connections
    alive, do not.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of the stream, cut anywhere; returns those for the client."""
        if self._waiting:
            if b"\n" not in chunk:
                self._waiting.append(chunk)
                return b""
            chunk = b"".join([*self._waiting, chunk])
            self._waiting.clear()
        if chunk.endswith((b"\n\n", b"\n\r\n")) and not _may_hold_empty_array(chunk):
            return chunk
        return self._filtered(chunk)

    def rest(self) -> bytes:
        """At the end of the stream: what still waits, unless it is the usage chunk without its empty line."""
        rest = b"".join(self._waiting)
        self._waiting.clear()
        return b"" if _is_usage_chunk(rest) else rest

    def _filtered(self, data: bytes) -> bytes:
        kept: list[bytes] = []
        at = 0
        while at < len(data):
            if data[at : at + 1] in {b"\n", b"\r"}:  # more than one empty line
                end = at + 1
            elif data[at : at + 1] == b":":
                end = data.find(b"\n", at) + 1
            else:
                end = _event_end(data, at)
            if end <= 0:
                self._waiting.append(data[at:])
                break
            event = data[at:end]
            if not _is_usage_chunk(event):
                kept.append(event)
            at = end
        return b"".join(kept)


def _event_end(data: bytes, at: int) -> int:
    """The end of the event's empty line; 0 if it is not there yet."""
    ends = [end for end in (data.find(b"\n\n", at) + 2, data.find(b"\n\r\n", at) + 3) if end > 3]  # noqa: PLR2004
    return min(ends, default=0)


def _may_hold_empty_array(data: bytes) -> bool:
    return b"[]" in data or b"[ " in data or b"[\t" in data


def _is_usage_chunk(event: bytes) -> bool:
    if b'"usage"' not in event or not _may_hold_empty_array(event):
        return False
    data = b"\n".join(line[5:] for line in event.splitlines() if line.startswith(b"data:"))
    try:
        chunk = as_dict(parse(data))
    except ValueError:
        return False
    usage: Any = chunk.get("usage")
    if usage is None:
        usage = as_dict(chunk.get("x_groq")).get("usage")
    return chunk.get("choices") == [] and isinstance(usage, dict) and not chunk.get("error")
