"""Reading JSON of unknown shape without surprises: what is not of the wanted kind counts as empty."""

import json
from typing import Any

import orjson


def as_dict(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def index_of(entry: dict[str, Any], key: str = "index") -> int:
    """An entry's place; 0 where it is missing or no number. Never used to size a list."""
    place = entry.get(key)
    return place if type(place) is int else 0


def parse(raw: bytes) -> Any:
    """The JSON in `raw`, read as leniently as the clients' own parsers read it.

    Lone surrogates, NaN (as text) and bytes that are not UTF-8 (as U+FFFD) are let through.

    Raises:
        ValueError: it is no JSON at all.

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
    """A text that grows: its pieces are joined once, at the end, so that a long stream takes linear time."""


def grow(target: dict[str, Any], key: str, text: str) -> None:
    """Append `text` to what stands under `key`; `join_pieces` makes it a string again."""
    held = target.get(key)
    if isinstance(held, Pieces):
        held.append(text)
    else:
        target[key] = Pieces([held, text] if isinstance(held, str) else [text])


def join_pieces(target: dict[str, Any]) -> dict[str, Any]:
    """The same object, its grown texts being strings."""
    for key, value in target.items():
        if isinstance(value, Pieces):
            target[key] = "".join(value)
    return target
