"""The ranges of bytes that a request asks for: RFC 9110, section 14."""

import re
from dataclasses import dataclass

MOST = 16
"""Ranges in one request. Whoever asks for more gets the whole file, as the RFC allows."""

_SPEC = re.compile(r"([0-9]{0,19})-([0-9]{0,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` up to and without `end`."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def content_range(self, size: int) -> str:
        """The value of its header `Content-Range`, in a file of `size` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


def ranges_of(header: str, size: int) -> list[ByteRange] | None:
    """The ranges that `header` asks for in a file of `size` bytes, those that touch as one.

    Empty where none of them can be given (416). None where the header says nothing that counts, and the whole file
    is the answer: another unit, no ranges, too many.
    """
    unit, _, specs = header.partition("=")
    parts = [part.strip() for part in specs.split(",") if part.strip()]
    if unit.strip().lower() != "bytes" or not 0 < len(parts) <= MOST:
        return None
    found: list[ByteRange] = []
    for part in parts:
        match = _SPEC.fullmatch(part)
        if match is None or part == "-":
            return None
        first, last = match.groups()
        if first and last and int(last) < int(first):
            return None
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last) + 1, size) if first and last else size
        if start < end:
            found.append(ByteRange(start, end))
    return _joined(found)


def _joined(ranges: list[ByteRange]) -> list[ByteRange]:
    """In the order of the file, each byte once."""
    joined: list[ByteRange] = []
    for one in sorted(ranges, key=lambda one: one.start):
        if joined and one.start <= joined[-1].end:
            joined[-1] = ByteRange(joined[-1].start, max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return joined
