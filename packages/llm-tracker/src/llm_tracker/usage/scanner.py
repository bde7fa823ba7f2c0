"""Read a few members of JSON of any size, in constant memory and linear time.

An embeddings answer has megabytes of numbers, an image answer megabytes of base64, with the usage somewhere among them.
Small answers are parsed whole; this is for the others.
"""

import re
from collections.abc import Iterable
from typing import Any

import orjson

_MAX_VALUE = 256 * 1024
"""Bytes of one wanted value. A larger one is no usage object and is dropped."""
_MAX_NAME = 64
"""Bytes of a member's name. A longer name is not wanted."""

_WINDOW = 16 * 1024
"""Bytes that a repeated group may match: it takes memory for each repetition."""

# No group is repeated possessively, (…)*+: before 3.11.5 Python's re gets those wrong
# (https://github.com/python/cpython/issues/106052), and Debian 12 has 3.11.2.
_STRUCTURE = re.compile(rb'["{}\[\]]')
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*")*', re.DOTALL)
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*', re.DOTALL)
_SCALAR_REST = re.compile(rb"[^,}\]\s]*+")
_SPACE = re.compile(rb"\s*+")


class JsonScanner:
    """Takes JSON in pieces, cut anywhere, and yields each top-level object, reduced to the wanted members.

    The text is a sequence of values, as in NDJSON, or one array of them. Anything between them is skipped. Malformed
    text yields nonsense or nothing and never raises.
    """

    __slots__ = (
        "_captured",
        "_depth",
        "_in_array",
        "_in_string",
        "_item",
        "_maybe_name",
        "_name",
        "_nested",
        "_path",
        "_prefixes",
        "_rest",
        "_scalar",
        "_string",
        "_wanted",
    )

    def __init__(self, wanted: Iterable[tuple[str, ...]]) -> None:
        self._wanted = frozenset(wanted)
        self._prefixes = {path[:length] for path in self._wanted for length in range(1, len(path))}
        self._rest = b""  # a backslash whose second half is still to come
        self._item: dict[str, Any] = {}
        self._path: list[str] = []  # names of the open objects on the way to something wanted
        self._depth = 0  # of these objects; 1 is the top-level one
        self._nested = 0  # brackets open inside a value that is skipped or captured
        self._in_array = False  # the top level is an array
        self._in_string = False
        self._string: bytearray | None = None  # the text so far of a string that may be a name
        self._maybe_name: bytes | None = None  # a complete string; a name if a colon follows
        self._name: str | None = None  # the member whose value comes next
        self._scalar = False  # a wanted number is being read
        self._captured: bytearray | None = None  # the bytes so far of a wanted value

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take the next bytes; return the objects that ended in them."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        items: list[dict[str, Any]] = []
        at, end = 0, len(data)
        while at < end:
            if self._in_string:
                at = self._string_part(data, at)
                if self._rest:
                    break
            elif self._nested:
                at = self._nested_part(data, at)
            elif self._maybe_name is not None or self._name is not None:
                at = self._after_name(data, at)
            else:
                at = self._structure(data, at, items)
        return items

    def _structure(self, data: bytes, at: int, items: list[dict[str, Any]]) -> int:
        """Outside of every skipped value: find the next string or bracket."""
        match = _STRUCTURE.search(data, at)
        if match is None:
            return len(data)
        character = match.group()
        at = match.start()
        if self._depth == 0:
            if character == b"{":
                self._item, self._path, self._depth = {}, [], 1
            elif character == b"[" and not self._in_array:
                self._in_array = True
            elif character == b"[":
                self._nested = 1
            # A quote here belongs to no JSON object (a comment, HTML): skipped.
            return at + 1
        if character == b'"':
            self._in_string, self._string = True, bytearray()
        elif character == b"}":
            self._depth -= 1
            if self._depth == 0:
                items.append(self._item)
            else:
                self._path.pop()
        elif character != b"]":  # a value without a name: malformed
            self._nested = 1
        return at + 1

    def _string_part(self, data: bytes, at: int) -> int:
        """Inside a string: go to its end, to the end of the data, or a window further."""
        stop = _STRING_REST.match(data, at, at + _WINDOW).end()  # pyright: ignore[reportOptionalMemberAccess]
        if self._captured is not None:
            self._capture(data[at:stop])
        elif self._string is not None:
            self._string += data[at : min(stop, at + _MAX_NAME + 1)]
            if len(self._string) > _MAX_NAME:
                self._string = None
        if stop == len(data):
            return stop
        if data[stop : stop + 1] != b'"':  # the window's end, or a backslash as the last byte
            if stop + 1 == len(data) and data.endswith(b"\\"):
                self._rest = b"\\"
            return stop
        self._in_string = False
        if self._captured is not None:
            self._capture(b'"')
        elif not self._nested:
            self._maybe_name = bytes(self._string) if self._string is not None else None
        self._string = None
        return stop + 1

    def _nested_part(self, data: bytes, at: int) -> int:
        """Inside a value that is skipped or captured: count brackets."""
        window = at + _WINDOW
        stop = _TO_BRACKET.match(data, at, window).end()  # pyright: ignore[reportOptionalMemberAccess]
        character = data[stop : stop + 1] if stop < window else b""
        stop += len(character)
        if self._captured is not None:
            self._capture(data[at:stop])
        if not character:
            return stop
        if character == b'"':  # a string that does not end in this data
            self._in_string = True
        elif character in b"{[":
            self._nested += 1
        else:
            self._nested -= 1
            if not self._nested:
                self._store()
        return stop

    def _after_name(self, data: bytes, at: int) -> int:
        """After a string at the level of members: a colon, then the value; or neither."""
        if self._scalar:
            return self._scalar_part(data, at)
        at = _SPACE.match(data, at).end()  # pyright: ignore[reportOptionalMemberAccess]
        if at == len(data):
            return at
        character = data[at : at + 1]
        if self._maybe_name is not None:
            if character == b":":
                self._name = self._maybe_name.decode("utf-8", "replace")
                at += 1
            self._maybe_name = None
            return at
        return self._value(at, character)

    def _value(self, at: int, character: bytes) -> int:
        """At the first byte of a member's value: open it, capture it or skip it."""
        path = (*self._path, self._name or "")
        if character == b"{" and path in self._prefixes:
            self._path.append(path[-1])
            self._depth += 1
            self._name = None
            return at + 1
        if path in self._wanted and character != b'"':
            self._captured = bytearray()
            if character not in b"{[":
                self._scalar = True
                return at
        if character in b"{[":
            self._nested = 1
            if self._captured is not None:
                self._capture(character)
            else:
                self._name = None
            return at + 1
        self._name = None
        return at  # an unwanted string or number; a string's quote is found next

    def _scalar_part(self, data: bytes, at: int) -> int:
        stop = _SCALAR_REST.match(data, at).end()  # pyright: ignore[reportOptionalMemberAccess]
        self._capture(data[at:stop])
        if stop < len(data):
            self._store()
        return stop

    def _capture(self, data: bytes) -> None:
        if self._captured is not None and len(self._captured) <= _MAX_VALUE:
            self._captured += data[: _MAX_VALUE + 1]

    def _store(self) -> None:
        """A wanted value (or a skipped one) is complete."""
        captured, name = self._captured, self._name
        self._captured = self._name = None
        self._scalar = False
        if captured is None or name is None or len(captured) > _MAX_VALUE:
            return
        target = self._item
        for parent in self._path:
            inner = target.setdefault(parent, {})
            if not isinstance(inner, dict):
                return
            target = inner
        try:
            target[name] = orjson.loads(captured)
        except orjson.JSONDecodeError:
            return
