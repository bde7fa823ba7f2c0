"""Completeness of a container, by the sizes that its outermost parts claim. Nothing is decoded and little is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MOST_BOXES = 200_000
_PROTECTED = (b"encv", b"drmi")
"""Sample entries of pictures that are encrypted (ISO/IEC 23001-7, and Apple's)."""

_PATH_TO_SAMPLES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_CONTAINING = frozenset(_PATH_TO_SAMPLES)
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
_LONGEST_EBML_HEADER = 4096


@dataclass(frozen=True, slots=True)
class Structure:
    """Facts from the outermost parts."""

    missing: str | None = None
    """The missing part, in words."""
    is_encrypted: bool = False
    brand: str | None = None


def structure_of(path: Path) -> Structure:
    """Return the structure of an MP4, QuickTime, Matroska or AVI file; empty for other formats."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}:
            return _of_boxes(file, size)
        if head[:4] == b"RIFF":
            return _of_riff(head, size)
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _of_matroska(file, size)
    return Structure()


def _of_boxes(file: BinaryIO, size: int) -> Structure:
    """MP4 and QuickTime (ISO/IEC 14496-12, 4.2): boxes of length, type, content."""
    brand: str | None = None
    missing: str | None = None
    has_index = is_encrypted = False
    for kind, start, end in _boxes(file, 0, size):
        if kind == b"ftyp":
            file.seek(start)
            brand = file.read(4).decode("latin-1")
        elif kind == b"moov":
            has_index = end <= size
            is_encrypted = has_index and _has_protected_samples(file, start, end)
        if kind in {b"moov", b"mdat", b"moof"} and end > size:
            missing = f"{end - size} bytes at its end"
    if not has_index:
        missing = "the index (moov) that a camera writes when it stops"
    return Structure(missing, is_encrypted, brand)


def _boxes(file: BinaryIO, start: int, end: int) -> "list[tuple[bytes, int, int]]":
    """Return type, content start and end of the boxes in a range. The last may claim a later end."""
    found: list[tuple[bytes, int, int]] = []
    while start + 8 <= end and len(found) < _MOST_BOXES:
        file.seek(start)
        header = file.read(16)
        length, kind, content = int.from_bytes(header[:4]), header[4:8], start + 8
        if length == 1:
            length, content = int.from_bytes(header[8:16]), start + 16
        elif length == 0:  # to the end of the file
            length = end - start
        if length < content - start:
            break
        found.append((kind, content, start + length))
        start += length
    return found


def _has_protected_samples(file: BinaryIO, start: int, end: int) -> bool:
    for kind, inner, inner_end in _boxes(file, start, end):
        if kind in _CONTAINING and _has_protected_samples(file, inner, min(inner_end, end)):
            return True
        if kind == b"stsd":  # eight bytes of version and count, then the entries
            entries = {entry for entry, _, _ in _boxes(file, inner + 8, min(inner_end, end))}
            if entries.intersection(_PROTECTED):
                return True
    return False


def _of_riff(head: bytes, size: int) -> Structure:
    """AVI: one outer part whose length follows its name."""
    claimed = int.from_bytes(head[4:8], "little") + 8
    # Writers that were stopped leave 0 there; that file may still be read.
    return Structure(missing=f"{claimed - size} bytes at its end" if claimed > size else None)


def _of_matroska(file: BinaryIO, size: int) -> Structure:
    """Matroska and WebM: the segment's length follows its name, or is unknown (RFC 8794, RFC 9559)."""
    file.seek(0)
    head = file.read(_LONGEST_EBML_HEADER)
    at = head.find(_MATROSKA_SEGMENT)
    if at < 0:
        return Structure()
    first = head[at + 4 : at + 5]
    if not first or not first[0]:
        return Structure()
    width = 9 - first[0].bit_length()
    length = int.from_bytes(head[at + 4 : at + 4 + width]) & ((1 << 7 * width) - 1)
    if length == (1 << 7 * width) - 1:
        return Structure()
    claimed = at + 4 + width + length
    return Structure(missing=f"{claimed - size} bytes at its end" if claimed > size else None)
