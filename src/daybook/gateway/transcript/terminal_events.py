"""Terminal events that are recognised by a line: `[DONE]`, or an event's name."""

from daybook.gateway.transcript.json_access import as_dict, as_text, parse

_LONGEST_DONE = 32  # bytes within which a line has to show that it may become `data: [DONE]`


class Scanner:
    """Base of all scanners; by itself, the scanner for APIs without a terminal event."""

    __slots__ = ("_waiting", "begun", "complete")

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self.begun = False
        self.complete = False

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes; return those that may go on."""
        return chunk

    def rest(self) -> bytes:
        """Return the waiting bytes."""
        rest = b"".join(self._waiting)
        self._waiting.clear()
        return rest


class DoneLine(Scanner):
    """The line `data: [DONE]`. Only a line that may become it waits."""

    __slots__ = ("_inside",)

    def __init__(self) -> None:
        super().__init__()
        self._inside = False  # the released bytes end within a line

    def feed(self, chunk: bytes) -> bytes:
        """See `Scanner`."""
        if self.begun:
            self._waiting.append(chunk)
            self.complete = self.complete or b"\n" in chunk or b"\r" in chunk
            return b""
        if self._waiting:
            chunk = self.rest() + chunk
        at = chunk.find(b"[DONE]")
        while at >= 0:
            start = _line_start(chunk, at)
            if (start or not self._inside) and chunk[start:at].rstrip(b" ") == b"data:":
                self.begun = True
                self.complete = _line_end(chunk, at) < len(chunk)
                self._waiting.append(chunk[start:])
                return chunk[:start]
            at = chunk.find(b"[DONE]", _line_end(chunk, at))
        start = _line_start(chunk, len(chunk))
        if start == len(chunk):
            self._inside = self._inside and not chunk
            return chunk
        if (start or not self._inside) and _may_become_done(chunk[start : start + _LONGEST_DONE]):
            self._inside = False
            self._waiting.append(chunk[start:])
            return chunk[:start]
        self._inside = True
        return chunk


def _may_become_done(tail: bytes) -> bool:
    if len(tail) < len(b"data:"):
        return b"data:".startswith(tail)
    return (
        tail.startswith(b"data:")
        and b"[DONE]".startswith(tail[5:].lstrip(b" "))
        and len(tail) < _LONGEST_DONE
    )


def _line_start(data: bytes, at: int) -> int:
    return max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1


def _line_end(data: bytes, at: int) -> int:
    ends = [end for end in (data.find(b"\n", at), data.find(b"\r", at)) if end >= 0]
    return min(ends, default=len(data))


class NamedEvents(Scanner):
    """Events that carry their name in an `event:` line, or in their data's `type`.

    `names` are the terminal ones; `others` are the prefixes of the other names. An incomplete line waits if it may be a
    terminal event's: its `event:` line, or the data of an event of unknown name.
    """

    __slots__ = ("_end", "_inside", "_names", "_other", "_others")

    def __init__(self, names: tuple[bytes, ...], others: tuple[bytes, ...]) -> None:
        super().__init__()
        self._end = b""  # the last of the waiting bytes
        self._names = names
        self._others = others
        self._inside = False  # the released bytes end within a line
        self._other = False  # … and within an event that is known not to be terminal

    def feed(self, chunk: bytes) -> bytes:
        """See `Scanner`."""
        if self.begun:
            self._wait(chunk)
            return b""
        if self._waiting:
            if b"\n" not in chunk:
                self._waiting.append(chunk)
                return b""
            chunk = self.rest() + chunk
        for name in self._names:
            if name in chunk and (start := self._terminal(chunk)) >= 0:
                self.begun = True
                self._wait(chunk[start:])
                return chunk[:start]
        if chunk.endswith((b"\n\n", b"\n\r\n")):
            self._inside = self._other = False
            return chunk
        return self._with_partial_line(chunk)

    def _wait(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        end = self._end + chunk
        self.complete = self.complete or b"\n\n" in end or b"\n\r\n" in end
        self._end = end[-2:]

    def _terminal(self, chunk: bytes) -> int:
        """Return the start of the terminal event among the whole lines; -1 if the name is only part of a text."""
        other = self._other
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            line = chunk[start:end].rstrip()
            if start == 0 and self._inside:
                pass
            elif not line:
                other = False
            elif line.startswith(b"event:"):
                name = line[6:].strip()
                if name in self._names:
                    return start
                other = name.startswith(self._others)
            elif not other and self._is_terminal(line):
                return start
            start = end + 1
        return -1

    def _is_terminal(self, line: bytes) -> bool:
        if not line.startswith(b"data:") or not any(name in line for name in self._names):
            return False
        try:
            event = as_dict(parse(line[5:]))
        except ValueError:
            return False
        kind = as_text(event.get("type")) or as_text(event.get("event_type"))
        return kind.encode("utf-8", "replace") in self._names

    def _with_partial_line(self, chunk: bytes) -> bytes:
        """Release the whole lines, which hold no terminal event, and the incomplete one if it cannot begin one."""
        start = chunk.rfind(b"\n") + 1
        other = self._is_other(chunk, start)
        if start:
            self._inside = False
        self._other = other
        if start == len(chunk) or self._inside:
            return chunk
        if self._may_be_terminal(chunk[start : start + 64], other=other):
            self._waiting.append(chunk[start:])
            return chunk[:start]
        if chunk.startswith(b"event:", start):
            self._other = chunk[start + 6 :].strip().startswith(self._others)
        self._inside = True
        return chunk

    def _is_other(self, chunk: bytes, end: int) -> bool:
        """True if the event in progress at `end` has a name that is not terminal."""
        while end:
            start = chunk.rfind(b"\n", 0, end - 1) + 1
            line = chunk[start:end].rstrip()
            if line.startswith(b"event:"):
                return line[6:].strip().startswith(self._others)
            if not line and (start or not self._inside):
                return False
            end = start
        return self._other

    def _may_be_terminal(self, tail: bytes, *, other: bool) -> bool:
        if tail.startswith(b"event:"):
            name = tail[6:].strip()
            return any(terminal.startswith(name) for terminal in self._names)
        if b"event:".startswith(tail):
            return True
        return not other and (tail.startswith(b"data:") or b"data:".startswith(tail))
