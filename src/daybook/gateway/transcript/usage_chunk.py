"""Hide the usage chunk of a chat stream from a client that did not ask for it.

The gateway sets `stream_options.include_usage` if the client did not. The provider then adds a chunk with empty
`choices`, which breaks clients that index `choices[0]`.
"""

from typing import Any

from daybook.gateway.transcript.json_access import as_dict, parse

_EMPTY_ARRAY = (b"[]", b"[ ", b"[\t")  # how one may begin


class UsageChunkFilter:
    """Removes that one event from a stream of chat or completions; passes all else byte for byte.

    An event waits until it is whole (no client can read half of one); comments, which keep connections alive, do not.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of the stream, cut anywhere; return those for the client."""
        if self._waiting:
            if b"\n" not in chunk:
                self._waiting.append(chunk)
                return b""
            chunk = b"".join([*self._waiting, chunk])
            self._waiting.clear()
        if not chunk.endswith((b"\n\n", b"\n\r\n")):
            end = _last_event_end(chunk)
            while chunk.startswith(b":", end) and (line_end := chunk.find(b"\n", end) + 1):
                end = line_end
            if end < len(chunk):
                self._waiting.append(chunk[end:])
            chunk = chunk[:end]
        return _without_usage_chunk(chunk)

    def rest(self) -> bytes:
        """Return the bytes that wait at the end, unless they are the usage chunk without its empty line."""
        rest = b"".join(self._waiting)
        self._waiting.clear()
        return b"" if _is_usage_chunk(rest) else rest


def _without_usage_chunk(events: bytes) -> bytes:
    """Return whole events without the one to hide. Only events that hold an empty array are looked at."""
    kept: list[bytes] = []
    at = look = 0
    while (found := _empty_array(events, look)) >= 0:
        start = at + _last_event_end(events[at:found])
        look = _event_end(events, found)
        if _is_usage_chunk(events[start:look]):
            kept.append(events[at:start])
            at = look
    return b"".join([*kept, events[at:]]) if at else events


def _empty_array(data: bytes, start: int) -> int:
    """Return the next place at which an empty array may begin; -1 if there is none."""
    return min((at for begin in _EMPTY_ARRAY if (at := data.find(begin, start)) >= 0), default=-1)


def _event_end(data: bytes, at: int) -> int:
    """Return the end of the first empty line from `at` on."""
    ends = [(data.find(b"\n\n", at), 2), (data.find(b"\n\r\n", at), 3)]
    return min((place + length for place, length in ends if place >= 0), default=len(data))


def _last_event_end(data: bytes) -> int:
    """Return the end of the last empty line; 0 if there is none."""
    ends = [(data.rfind(b"\n\n"), 2), (data.rfind(b"\n\r\n"), 3)]
    return max((place + length for place, length in ends if place >= 0), default=0)


def _is_usage_chunk(event: bytes) -> bool:
    if b'"usage"' not in event or _empty_array(event, 0) < 0:
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
