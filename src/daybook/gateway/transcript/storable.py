r"""Values for JSONB columns: made fit to be stored, and kept small.

- Files in base64 (pictures, sound, documents) become a marker such as
  `[image/png, 20971520 bytes, sha256 9f86d0…]`; the hash is the file's own, so that it can be found again.
- PostgreSQL stores neither NUL characters nor lone surrogates: they are written as `\u0000` and `\ud800`.
- Texts, nesting and numbers have limits, beyond which they are cut or written as text.
"""

import binascii
import re
from collections.abc import Mapping
from hashlib import sha256
from math import isfinite
from typing import Any, cast

import orjson

from daybook.gateway.transcript.json_access import as_text
from llm_tracker.storable import escaped

PAYLOAD_LIMIT = 1_024
"""Base64 of more characters than this is replaced by its marker; smaller files stay as they came."""

TEXT_LIMIT = 8_000_000
"""Characters of one string that are kept. The longest context windows of today hold about half of it."""

DEPTH_LIMIT = 100
"""Levels of nesting that are kept: serialisers and databases give up at a few hundred."""

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # integers that orjson writes
_WRITABLE_BITS = 10_000  # Python refuses to write integers of more than a few thousand digits
_DATA_URL = re.compile(r"data:([^,;\s]{0,100})(?:;[^,;\s]{1,100}){0,5};base64,([A-Za-z0-9+/_=%-]+)")
_FILE_KEYS = frozenset({
    "data",
    "file_data",
    "b64_json",
    "partial_image_b64",
    "bytesBase64Encoded",
    "imageBytes",
    "videoBytes",
    "result",
})  # fmt: skip


def storable(value: Any) -> Any:
    """Return the JSON value fit for JSONB, with files as markers. The given value is not changed."""
    return value if _is_small_and_clean(value) else _clean(value, "", 0)


def storable_text(value: str) -> str:
    """Return the text fit for a TEXT column."""
    if len(value) > PAYLOAD_LIMIT:
        if ";base64," in value:
            value = _DATA_URL.sub(_data_url_marker, value)
        if len(value) > TEXT_LIMIT:
            value = f"{value[:TEXT_LIMIT]} [cut here, of {len(value)} characters]"
    return value if value.isascii() and "\0" not in value else escaped(value)


def file_marker(media_type: str, content: bytes) -> str:
    """Return the marker of a file."""
    return f"[{media_type}, {len(content)} bytes, sha256 {sha256(content).hexdigest()}]"


def _is_small_and_clean(value: Any) -> bool:
    """True if nothing in `value` needs a change. A serialiser finds out fastest."""
    if type(value) is not dict:
        return False
    try:
        text = orjson.dumps(value)
    except (
        TypeError,
        ValueError,
    ):  # lone surrogates, large integers, things that are no JSON
        return False
    return len(text) <= PAYLOAD_LIMIT and b"\\u0000" not in text


def _clean(value: Any, key: str, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        clean: Any = storable_text(value)
    elif value is None or kind is bool:
        clean = value
    elif kind is int:
        clean = value if _SMALLEST <= value <= _LARGEST else _digits(value)
    elif kind is float:
        clean = value if isfinite(value) else str(value)
    elif depth >= DEPTH_LIMIT:
        clean = "[nested too deeply]"
    elif kind is dict or isinstance(value, Mapping):
        clean = _clean_object(cast("Mapping[Any, Any]", value), key, depth)
    elif kind is list or isinstance(value, list | tuple):
        clean = _clean_array(cast("list[Any]", value), key, depth)
    else:
        clean = _clean_foreign(value)
    return clean


def _clean_foreign(value: Any) -> str:
    """Return a value for what is not JSON, such as a form's files."""
    if isinstance(value, bytes | bytearray | memoryview):
        return file_marker("application/octet-stream", bytes(value))
    return storable_text(str(value)) if isinstance(value, str) else f"[{type(value).__name__}]"


def _clean_object(value: Mapping[Any, Any], key: str, depth: int) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name, held in value.items():
        name = storable_text(name if type(name) is str else str(name))  # noqa: PLW2901  the same name, clean
        if type(held) is str:
            if len(held) > PAYLOAD_LIMIT and name in _FILE_KEYS and (media := _media_type(value, name, key)):
                clean[name] = _base64_marker(media, held)
            else:
                clean[name] = storable_text(held)
        else:
            clean[name] = _clean(held, name, depth + 1)
    return clean


def _clean_array(value: list[Any], key: str, depth: int) -> list[Any]:
    if _plain_numbers(value):
        return value
    if key == "images":  # Ollama's pictures are bare base64
        return [
            _base64_marker("image", item) if _bare_base64(item) else _clean(item, key, depth + 1)
            for item in value
        ]
    return [_clean(item, key, depth + 1) for item in value]


def _plain_numbers(value: list[Any]) -> bool:
    """True if these are numbers that every serialiser writes. Embeddings are long, so not each is checked."""
    kinds = set(map(type, value))
    if kinds == {float}:
        return isfinite(sum(value))
    if not kinds or not kinds <= {int, float}:
        return False
    return min(value) >= _SMALLEST and max(value) <= _LARGEST and isfinite(sum(value))


def _bare_base64(item: Any) -> bool:
    return isinstance(item, str) and len(item) > PAYLOAD_LIMIT and not item.startswith(("data:", "http"))


def _digits(number: int) -> str:
    """Return an integer as text."""
    return (
        str(number) if number.bit_length() < _WRITABLE_BITS else f"[an integer of {number.bit_length()} bits]"
    )


def _media_type(entry: Mapping[Any, Any], name: str, parent: str) -> str:
    """Return the media type of the file under `name`; empty if it is none (a signature, encrypted reasoning)."""
    if name in {"b64_json", "partial_image_b64", "imageBytes"}:
        return f"image/{as_text(entry.get('output_format'))}".rstrip("/")
    kind = entry.get("type")
    if name == "result":
        return "image" if kind == "image_generation_call" else ""
    named = as_text(entry.get("mimeType") or entry.get("mime_type") or entry.get("media_type"))
    if name != "data" or kind == "base64":
        return named or "file"
    if parent in {"input_audio", "audio"}:
        return named or f"audio/{as_text(entry.get('format'))}".rstrip("/")
    return "" if kind == "text" else named  # "text" is Anthropic's plain document


def _data_url_marker(found: re.Match[str]) -> str:
    if len(found[0]) <= PAYLOAD_LIMIT:
        return found[0]
    return _base64_marker(found[1] or "text/plain", found[2])


def _base64_marker(media_type: str, encoded: str) -> str:
    """Return the marker of a file given as base64 (either alphabet, padded or not) or as a data URL."""
    if encoded.startswith("data:"):
        return storable_text(encoded)
    text = encoded.encode("utf-8", "replace").translate(_URL_ALPHABET)
    try:
        content = binascii.a2b_base64(text + b"==")
    except binascii.Error:
        return f"[{storable_text(media_type)}, {len(text)} characters, sha256 {sha256(text).hexdigest()}]"
    return file_marker(storable_text(media_type[:100]), content)


_URL_ALPHABET = bytes.maketrans(b"-_", b"+/")
