"""Layout of records in a segment.

A segment begins with its magic and number. A record is a frame (length of the payload, checksum, kind, call id) and
its payload: the length of a JSON header, that header, and raw bytes (a request, an answer). Segments are allocated
ahead and filled with zeros, so a frame of zeros ends the records written so far.
"""

import re
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from uuid import UUID

import orjson

MAGIC = b"DAYBOOK\x01"
SEGMENT_HEAD = struct.Struct("<8sII")  # magic, number, checksum of both
FRAME = struct.Struct("<IIBB16s2x")  # payload's length, checksum, kind, version, call id
_LENGTH = struct.Struct("<I")
_VERSION = 1

FRAME_SIZE = FRAME.size
FRAMES = re.compile(rb"(?s)(?=[\x01-\x04]\x01.{16}\x00\x00)")
"""Possible starts of a frame, by its kind, version and padding: for a reader that has lost its place."""
KIND_AT = 8
"""Bytes of a frame before its kind."""
_NO_FRAME = bytes(FRAME_SIZE)
HEAD_SIZE = SEGMENT_HEAD.size
LOCK = "lock"


class Kind(IntEnum):
    """The kind of a record."""

    OPENED = 1
    PROGRESS = 2
    CLOSED = 3
    END = 4
    """No call: the journal continues in the next segment."""


_KINDS = {int(kind): kind for kind in Kind}


@dataclass(slots=True)
class Record:
    """A record: `header` is small and JSON, `body` raw bytes. Never changed after creation, but not
    frozen: a frozen class is slower to create, and a shipper creates one per record.
    """

    kind: Kind
    id_bytes: bytes
    """The id of its call."""
    header: dict[str, Any]
    body: bytes

    @property
    def call_id(self) -> UUID:
        """The id of its call."""
        return UUID(bytes=self.id_bytes)


def segment_name(number: int) -> str:
    """The file name of a segment; names sort as numbers do."""
    return f"{number:010}.journal"


def segment_head(number: int) -> bytes:
    """The first bytes of a segment."""
    return SEGMENT_HEAD.pack(MAGIC, number, zlib.crc32(MAGIC + number.to_bytes(4, "little")))


def is_segment(head: bytes, number: int) -> bool:
    """True if `head` begins segment `number`."""
    return head == segment_head(number)


def encode(segment: int, kind: Kind, call_id: UUID, header: bytes, body: bytes) -> list[bytes]:
    """The pieces of a record, to be written one after the other. `header` is JSON."""
    lead = _LENGTH.pack(len(header)) + header
    id_bytes = call_id.bytes
    checksum = zlib.crc32(body, zlib.crc32(lead, zlib.crc32(id_bytes, segment << 8 | kind)))
    frame = FRAME.pack(len(lead) + len(body), checksum, kind, _VERSION, id_bytes)
    return [frame + lead, body] if body else [frame + lead]


def frame_length(read: bytes, at: int = 0) -> int | None:
    """Return the length of the payload behind the frame at `at`; None if nothing is written there."""
    frame = read[at : at + FRAME_SIZE]
    if len(frame) < FRAME_SIZE or frame == _NO_FRAME:
        return None
    (length,) = _LENGTH.unpack_from(frame)
    return int(length)


def decode(segment: int, read: bytes, at: int = 0) -> Record | None:
    """Return the record at `at`, which was read in full; None if its checksum does not match."""
    length, checksum, kind, version, id_bytes = FRAME.unpack_from(read, at)
    start = at + FRAME_SIZE
    end = start + length
    if len(read) < end or version != _VERSION or length < _LENGTH.size:
        return None
    if zlib.crc32(read[start:end], zlib.crc32(id_bytes, segment << 8 | kind)) != checksum:
        return None
    (header_length,) = _LENGTH.unpack_from(read, start)
    start += _LENGTH.size
    body = start + header_length
    header = orjson.loads(read[start:body]) if header_length else {}
    return Record(_KINDS[kind], id_bytes, header, read[body:end])
