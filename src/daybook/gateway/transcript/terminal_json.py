"""Terminal events that are recognised by their JSON."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daybook.gateway.transcript.json_access import parse
from daybook.gateway.transcript.terminal_events import Scanner

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')


@dataclass(frozen=True, slots=True)
class TerminalJson:
    """How a terminal event is recognised: its bytes hold one of `markers`, and `is_over` is True of its JSON.

    A later event that holds `reopened_by` shows that it was not terminal.
    """

    markers: tuple[bytes, ...]
    is_over: Callable[[Any], bool]
    reopened_by: bytes | None = None

    def marks(self, data: bytes) -> bool:
        """True if `data` may hold the terminal event."""
        for marker in self.markers:  # noqa: SIM110  any() takes three times as long here
            if marker in data:
                return True
        return False

    def is_terminal(self, event: bytes) -> bool:
        """True if `event` is the terminal one."""
        if not self.marks(event):
            return False
        try:
            return self.is_over(parse(event.strip().removeprefix(b"data:")))
        except ValueError:
            return False


class _JsonEvents(Scanner):
    __slots__ = ("_terminal",)

    def __init__(self, terminal: TerminalJson) -> None:
        super().__init__()
        self._terminal = terminal

    def _last_terminal(self, data: bytes, events: list[tuple[int, int]]) -> int:
        """Return the start of the terminal event in `data`, among its new `events`; -1 if there is none."""
        terminal, reopened_by = 0 if self.begun else -1, self._terminal.reopened_by
        for start, end in events:
            event = data[start:end]
            if terminal >= 0 and reopened_by is not None and reopened_by in event:
                terminal = -1
            if terminal < 0 and self._terminal.is_terminal(event):
                terminal = start
        self.begun = self.complete = terminal >= 0
        return terminal


class JsonLines(_JsonEvents):
    """One JSON object a line, with or without `data:`.

    A line waits until it is whole: its end may show that it is the last one. No client can read half of it.
    """

    __slots__ = ("_seen",)

    def __init__(self, terminal: TerminalJson) -> None:
        super().__init__(terminal)
        self._seen = 0  # waiting bytes already scanned

    def feed(self, chunk: bytes) -> bytes:
        """See `Scanner`."""
        if b"\n" not in chunk:
            self._waiting.append(chunk)
            return b""
        if not self._waiting and chunk.endswith(b"\n") and not self._terminal.marks(chunk):
            return chunk
        data = self.rest() + chunk
        end = data.rfind(b"\n") + 1
        cut = end
        if self.begun or self._terminal.marks(data):
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


class JsonStream(Scanner):
    """Server-sent events or one array of JSON objects, as the first byte shows."""

    __slots__ = ("_framing", "_terminal")

    def __init__(self, terminal: TerminalJson) -> None:
        super().__init__()
        self._terminal = terminal
        self._framing: JsonLines | _ArrayElements | None = None

    def feed(self, chunk: bytes) -> bytes:
        """See `Scanner`."""
        framing = self._framing
        if framing is None:
            head = chunk.lstrip()[:1]
            if not head:
                return chunk
            kind = _ArrayElements if head == b"[" else JsonLines
            framing = self._framing = kind(self._terminal)
        released = framing.feed(chunk)
        self.begun, self.complete = framing.begun, framing.complete
        return released

    def rest(self) -> bytes:
        """See `Scanner`."""
        return self._framing.rest() if self._framing else b""


class _ArrayElements(_JsonEvents):
    """The elements of an array, delimited only by their brackets. An element waits until it is whole."""

    __slots__ = ("_depth", "_escaped", "_length", "_open", "_quoted")

    def __init__(self, terminal: TerminalJson) -> None:
        super().__init__(terminal)
        self._depth = 0
        self._quoted = False
        self._escaped = False  # the last byte was a backslash within a string
        self._length = 0  # of the waiting bytes
        self._open = -1  # start of an element in the waiting bytes; -1 if none

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
        """Return the elements that end in this chunk, as places in the waiting bytes."""
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
