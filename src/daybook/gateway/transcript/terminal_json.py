"""Terminal events that are told by what their JSON says: Gemini, Ollama, DashScope."""

import re
from collections.abc import Callable
from typing import Any

from daybook.gateway.transcript.shape import as_dict, as_list, parse
from daybook.gateway.transcript.terminal_events import Scanner

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')


def gemini_over(event: Any) -> bool:
    """Whether a candidate finished, or the prompt was blocked."""
    chunk = as_dict(event)
    if as_dict(chunk.get("promptFeedback")).get("blockReason"):
        return True
    return any(as_dict(candidate).get("finishReason") for candidate in as_list(chunk.get("candidates")))


def ollama_over(event: Any) -> bool:
    """Whether it is the `done` line."""
    return as_dict(event).get("done") is True


def dashscope_over(event: Any) -> bool:
    """Whether every choice has its finish reason, which is the word "null" until then."""
    output = as_dict(as_dict(event).get("output"))
    choices = as_list(output.get("choices")) or [output]
    return all(as_dict(choice).get("finish_reason") not in (None, "", "null") for choice in choices)


class _JsonEvents(Scanner):
    """Which event is terminal. After one with `finishReason` more text may come; then it was not."""

    __slots__ = ("_markers", "_over")

    def __init__(self, markers: tuple[bytes, ...], over: Callable[[Any], bool]) -> None:
        super().__init__()
        self._markers = markers
        self._over = over

    def _last_terminal(self, data: bytes, events: list[tuple[int, int]]) -> int:
        """Where the terminal event begins in `data`, whose new `events` are looked at; -1 without one."""
        terminal = 0 if self.begun else -1
        for start, end in events:
            event = data[start:end]
            if terminal >= 0 and b'"parts"' in event:
                terminal = -1
            if terminal < 0 and self._is_terminal(event):
                terminal = start
        self.begun = self.complete = terminal >= 0
        return terminal

    def _marked(self, data: bytes) -> bool:
        for marker in self._markers:  # noqa: SIM110  any() takes three times as long here
            if marker in data:
                return True
        return False

    def _is_terminal(self, event: bytes) -> bool:
        if not self._marked(event):
            return False
        try:
            return self._over(parse(event.strip().removeprefix(b"data:")))
        except ValueError:
            return False


class JsonLines(_JsonEvents):
    """One JSON object a line, with or without `data:`.

    A line waits until it is whole: its end may tell that it is the last one. No client can read half of it.
    """

    __slots__ = ("_seen",)

    def __init__(self, markers: tuple[bytes, ...], over: Callable[[Any], bool]) -> None:
        super().__init__(markers, over)
        self._seen = 0  # waiting bytes that have been looked at

    def feed(self, chunk: bytes) -> bytes:
        """See `Scanner`."""
        if b"\n" not in chunk:
            self._waiting.append(chunk)
            return b""
        if not self._waiting and chunk.endswith(b"\n") and not self._marked(chunk):
            return chunk
        data = self.rest() + chunk
        end = data.rfind(b"\n") + 1
        cut = end
        if self.begun or self._marked(data):
            terminal = self._last_terminal(data, _lines(data, self._seen, end))
            cut = terminal if terminal >= 0 else end
        self._seen = end - cut
        if cut < len(data):
            self._waiting.append(data[cut:])
        return data[:cut]


def _lines(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    lines: list[tuple[int, int]] = []
    while start < end:
        stop = data.index(b"\n", start) + 1
        lines.append((start, stop))
        start = stop
    return lines


class GeminiStream(Scanner):
    """Server-sent events, or without `alt=sse` one array; its first byte tells."""

    __slots__ = ("_framing",)

    def __init__(self) -> None:
        super().__init__()
        self._framing: JsonLines | _ArrayElements | None = None

    def feed(self, chunk: bytes) -> bytes:
        """See `Scanner`."""
        framing = self._framing
        if framing is None:
            head = chunk.lstrip()[:1]
            if not head:
                return chunk
            kind = _ArrayElements if head == b"[" else JsonLines
            framing = self._framing = kind((b"finishReason", b"blockReason"), gemini_over)
        released = framing.feed(chunk)
        self.begun, self.complete = framing.begun, framing.complete
        return released

    def rest(self) -> bytes:
        """See `Scanner`."""
        return self._framing.rest() if self._framing else b""


class _ArrayElements(_JsonEvents):
    """The elements of an array, which only their brackets keep apart. An element waits until it is whole."""

    __slots__ = ("_depth", "_escaped", "_length", "_open", "_quoted")

    def __init__(self, markers: tuple[bytes, ...], over: Callable[[Any], bool]) -> None:
        super().__init__(markers, over)
        self._depth = 0
        self._quoted = False
        self._escaped = False  # the last byte was a backslash within a string
        self._length = 0  # of what waits
        self._open = -1  # where in what waits an element has begun

    def feed(self, chunk: bytes) -> bytes:
        """See `Scanner`."""
        elements = self._elements(chunk)
        self._waiting.append(chunk)
        self._length += len(chunk)
        if not elements and (self.begun or self._open == 0):
            return b""
        data = self.rest()
        terminal = self._last_terminal(data, elements)
        cut = self._open if self._open >= 0 else len(data)
        if terminal >= 0:
            cut = terminal
        if self._open >= 0:
            self._open -= cut
        self._length = len(data) - cut
        if self._length:
            self._waiting.append(data[cut:])
        return data[:cut]

    def _elements(self, chunk: bytes) -> list[tuple[int, int]]:
        """The elements that end in this chunk, as places in what will wait with it."""
        elements: list[tuple[int, int]] = []
        at = 0
        while at < len(chunk):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_INSIDE if self._quoted else _OUTSIDE).search(chunk, at)
            if found is None:
                break
            at = found.end()
            sign = found[0]
            if sign == b'"':
                self._quoted = not self._quoted
            elif sign == b"\\":
                self._escaped = True
            elif sign in b"{[":
                if self._depth == 1:
                    self._open = self._length + at - 1
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 1 and self._open >= 0:
                    elements.append((self._open, self._length + at))
                    self._open = -1
        return elements
