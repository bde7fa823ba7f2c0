"""Parsing of a vision model's answer, and its schema.

Not every provider enforces a schema, and models wrap JSON in words, fences and lists, or are cut off. So every object
in the answer that describes a segment is used. Entries that do not fit the schema are ignored.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le, MinLen
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from daybook.lifelog.events.fields import (
    LONGEST_LABEL,
    LONGEST_SUMMARY,
    clean_line,
    clean_objects,
    clean_text,
)

MOST_SEEN = 20
"""Objects of a segment."""

_LONGEST_ANSWER = 100_000
_MOST_TRIES = 1_000
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:s|secs?|seconds?|秒)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]+)?)")
_WHOLE = re.compile(r"\s*#?\s*([0-9]{1,6})\s*")


def _line(value: Any) -> Any:
    return (clean_line(value) or "")[:LONGEST_LABEL] if isinstance(value, str) else value


def _text(value: Any) -> Any:
    return (clean_text(value) or "")[:LONGEST_SUMMARY] if isinstance(value, str) else value


def _things(value: Any) -> Any:
    """Return a list of names; some models write one text with commas."""
    if isinstance(value, str):
        value = re.split(r"[,，、;；\n]", value)
    if not isinstance(value, list) or not all(isinstance(thing, str) for thing in value):
        return value
    return clean_objects([thing[:LONGEST_LABEL] for thing in value])[:MOST_SEEN]


def _seconds(value: Any) -> Any:
    """Parse seconds: a number, `3.5 s` or `00:03.5`."""
    if not isinstance(value, str):
        return value
    if found := _SECONDS.fullmatch(value.strip()):
        return float(found[1])
    if found := _CLOCK.fullmatch(value.strip()):
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3])
    return value


def _number(value: Any) -> Any:
    found = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else value


_Seconds = Annotated[float, Ge(0), Le(1e7), BeforeValidator(_seconds)]


class Description(BaseModel):
    """A model's description of one segment. `start_time` is in seconds from the segment's start."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    stretch: Annotated[int | None, BeforeValidator(_number)] = None
    action: Annotated[str, BeforeValidator(_line), MinLen(1)]
    scene: Annotated[str, BeforeValidator(_line)]
    summary: Annotated[str, BeforeValidator(_text), MinLen(1)]
    objects: Annotated[list[str], BeforeValidator(_things)]
    start_time: _Seconds
    duration: _Seconds


_FIELDS: dict[str, dict[str, Any]] = {
    "stretch": {"type": "integer", "description": "The number of the stretch."},
    "action": {"type": "string", "description": "What is done, in one to six words."},
    "scene": {"type": "string", "description": "Where it is, in one to six words."},
    "summary": {
        "type": "string",
        "description": "One or two sentences: who or what is seen, and what happens.",
    },
    "objects": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Things that are seen, at most ten.",
    },
    "start_time": {"type": "number", "description": "Seconds from the stretch's beginning to the action's."},
    "duration": {"type": "number", "description": "Seconds that the action takes."},
}

RESPONSE_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "events",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "events": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": _FIELDS,
                        "required": list(_FIELDS),
                        "additionalProperties": False,
                    },
                }
            },
            "required": ["events"],
            "additionalProperties": False,
        },
    },
}


def descriptions(text: str, count: int) -> dict[int, Description]:
    """Return the usable descriptions in `text` of the segments 1 to `count`.

    The first description of a segment wins. Without any numbers, as many descriptions as there are segments are
    assigned in order.
    """
    found: list[Description] = []
    for item in _objects(text[:_LONGEST_ANSWER]):
        try:
            found.append(Description.model_validate(item))
        except ValidationError:
            continue
    if found and len(found) == count and all(said.stretch is None for said in found):
        return dict(enumerate(found, 1))
    numbered: dict[int, Description] = {}
    for said in found:
        if said.stretch is not None and 1 <= said.stretch <= count:
            numbered.setdefault(said.stretch, said)
    return numbered


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield every JSON object in `text` that may describe a segment; of a truncated text, the complete ones."""
    decoder = json.JSONDecoder()
    place = 0
    for _ in range(_MOST_TRIES):
        place = text.find("{", place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
            continue
        yield from _describing(value)


def _describing(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the objects with a summary in `value`, at any level of wrapping."""
    if isinstance(value, dict) and "summary" in value:
        yield value
    elif isinstance(value, dict | list) and depth < 4:  # noqa: PLR2004  (deeper than any model wraps)
        for part in value.values() if isinstance(value, dict) else value:
            yield from _describing(part, depth + 1)
