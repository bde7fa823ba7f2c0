"""Events in JSON: a list of objects, or an object with the list under `events` or `list`, as in API responses."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

import orjson

from daybook.kit.errors import Invalid
from daybook.lifelog.events.imports.rows import Problem, Row, row_of

_OF_AN_ANSWER = frozenset({
    "recording_id", "start_offset", "origin", "is_described", "facts", "edited_at", "job_id", "thumbnail_url",
    "created_at", "updated_at",
})  # fmt: skip
"""Further fields of the API's responses, which are ignored."""


def rows(text: str, zone: tzinfo) -> Iterator[Row | Problem]:
    """Yield the events of `text`; `line` is the position in the list. Raises `Invalid` if there is no list."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The file is not JSON (line {error.lineno}, column {error.colno}).") from None
    if isinstance(value, dict):
        value = value.get("events", value.get("list"))
    if not isinstance(value, list):
        raise Invalid("The file holds no list of events.")
    for place, item in enumerate(value, 1):
        yield (
            row_of(place, _fields(item), zone) if isinstance(item, dict) else Problem(place, "Is no object.")
        )


def _fields(item: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in item.items() if name not in _OF_AN_ANSWER}
    own_id = fields.pop("id", None)
    if fields.get("key") is None and own_id is not None:
        fields["key"] = own_id
    return fields
