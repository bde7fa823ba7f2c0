"""Access to JSON of unknown shape: a value of another kind than the wanted one counts as empty."""

import json
from typing import Any

import orjson


def as_dict(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def index_of(entry: dict[str, Any], key: str = "index") -> int:
    """Return an entry's place; 0 if it is missing or no number. Never used to size a list."""
    place = entry.get(key)
    return place if type(place) is int else 0


def parse(raw: bytes) -> Any:
    """Parse JSON as leniently as clients do. Raises `ValueError`.

    Lone surrogates, NaN (as text) and bytes that are not UTF-8 (as U+FFFD) are accepted.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw.decode("utf-8", "replace"), parse_constant=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None


class Pieces(list[str]):
    """A growing text: its pieces are joined once, at the end, so that a long stream takes linear time."""


def grow(target: dict[str, Any], key: str, text: str) -> None:
    """Append `text` to the text under `key`; `join_pieces` makes it a string again."""
    held = target.get(key)
    if isinstance(held, Pieces):
        held.append(text)
    else:
        target[key] = Pieces([held, text] if isinstance(held, str) else [text])


def join_pieces(target: dict[str, Any]) -> dict[str, Any]:
    """Make the growing texts of `target` strings, and return it."""
    for key, value in target.items():
        if isinstance(value, Pieces):
            target[key] = "".join(value)
    return target


def keep_value(target: dict[str, Any], key: str, value: Any) -> None:
    """Set a value. An empty one does not replace another."""
    if value or value is False or value == 0:
        target[key] = value
    else:
        target.setdefault(key, value)


def grow_all(target: dict[str, Any], part: dict[str, Any], growing: set[str]) -> None:
    """Merge `part`: the texts under `growing` are appended, arrays extended, other values replaced."""
    for key, value in part.items():
        held = target.get(key)
        if key in growing and isinstance(value, str):
            grow(target, key, value)
        elif isinstance(held, list) and isinstance(value, list):
            held.extend(value)
        elif value is not None:
            target[key] = value
