"""Metadata of an upload: the tus header `Upload-Metadata`, with base64 values."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from daybook.lifelog.uploads.errors import BAD_REQUEST, TusError

MOST = 32
"""Keys in one header."""

LONGEST = 4096
"""Characters of one value."""

UNNAMED = "video"
"""Name of a file without one."""

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Declared:
    """Facts about a file before it is sent. `details` are `file_time` and `timezone`, for ingesting, and `metadata`,
    the header as received.
    """

    name: str = UNNAMED
    sha256: bytes | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])


def declared(header: str) -> Declared:
    """Parse the header. Raises `TusError`.

    Supported: `filename` (or `name`), `sha256` in hexadecimal or base64, `lastModified` in milliseconds since 1970 or
    in ISO 8601, and `timezone` as an IANA name.
    """
    values = dict(_pairs(header))
    name = _file_name(values.get("filename") or values.get("name") or UNNAMED)
    sha256 = values.get("sha256")
    details: dict[str, Any] = {"metadata": header} if header else {}
    if modified := values.get("lastModified") or values.get("last_modified"):
        details["file_time"] = _time(modified).isoformat()
    if zone := values.get("timezone"):
        details["timezone"] = _timezone(zone)
    return Declared(name, checksum(sha256) if sha256 else None, details)


def checksum(text: str) -> bytes:
    """Return the 32 bytes of a SHA-256 in hexadecimal or base64. Raises `TusError`."""
    try:
        digest = bytes.fromhex(text) if _HEX.fullmatch(text) else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32:  # noqa: PLR2004  (of SHA-256)
        raise _bad("sha256 must be 32 bytes, in hexadecimal or base64.")
    return digest


def _pairs(header: str) -> list[tuple[str, str]]:
    """Return names and decoded values, each name once."""
    pairs: list[tuple[str, str]] = []
    for part in header.split(","):
        name, _, encoded = part.strip().partition(" ")
        if not name:
            if header.strip():
                raise _bad("it has an empty name.")
            continue
        if not name.isascii() or name in {known for known, _ in pairs}:
            raise _bad("names must be ASCII and unique.")
        try:
            value = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError):
            raise _bad(f"the value of {name[:40]} is not UTF-8 in base64.") from None
        if "\0" in value and name not in {"filename", "name"}:
            raise _bad(f"the value of {name[:40]} has a NUL in it.")
        if len(value) > LONGEST:
            raise _bad(f"the value of {name[:40]} is longer than {LONGEST} characters.")
        pairs.append((name, value))
    if len(pairs) > MOST:
        raise _bad(f"it has more than {MOST} names.")
    return pairs


def _file_name(given: str) -> str:
    """Return the last part of a path of any system, without characters that terminals interpret."""
    name = _UNPRINTABLE.sub("", re.split(r"[/\\]", given.rstrip("/\\"))[-1]).strip()
    if name in {"", ".", ".."}:
        raise _bad("the file name is empty.")
    return name if len(name) <= 255 else name[:200] + name[-55:]  # noqa: PLR2004  (what the column holds; the end matters)


def _time(text: str) -> datetime:
    try:
        if text.isascii() and text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        time = None
    if time is None or time.tzinfo is None:
        raise _bad("lastModified must be milliseconds since 1970, or a time in ISO 8601 with its offset.")
    return time.astimezone(UTC)


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):  # unknown; a path; a folder of zones
        raise _bad("timezone must be an IANA name such as Asia/Taipei.") from None


def _bad(why: str) -> TusError:
    return TusError(BAD_REQUEST, "bad_metadata", f"Upload-Metadata cannot be read: {why}")
