"""Convert any value into one that every database can store, so that no value loses a line."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

HIDDEN = "[hidden]"
_TEXT_LENGTH = 50_000  # of one string in JSON
_JSON_BYTES = 1_000_000
_DEPTH = 20
_NODES = 20_000
_INT64 = 2**63

# PostgreSQL stores no NUL, and UTF-8 has no surrogates.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str, length: int, secrets: Iterable[str] = ()) -> str:
    """Return the text with secrets hidden, unstorable characters escaped, and cut to a length."""
    # Text far behind the cut is not examined: it may be very long.
    text = text[: 2 * length]
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = escaped(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def escaped(text: str) -> str:
    r"""Return the text with NUL and lone surrogates written as `\u0000`, `\ud800`…."""
    return _UNSTORABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def storable_json(values: Mapping[str, Any], secrets: Sequence[str] = ()) -> dict[str, Any]:
    """Return the mapping as JSON of at most a megabyte; values without a JSON form become their `repr`.

    Beyond that, the last entries are left out and `left_out` is their number.
    """
    walk = _Walk(secrets)
    kept: dict[str, Any] = {}
    size = 0
    for position, (name, value) in enumerate(values.items()):
        found = walk.value(value, 0)
        size += len(orjson.dumps(found)) + len(name)
        if size > _JSON_BYTES:
            kept["left_out"] = len(values) - position
            break
        kept[walk.text(str(name))] = found
    return kept


class _Walk:
    """A bounded walk through a value, which may be recursive."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self.secrets = secrets
        self.nodes = 0

    def text(self, text: str) -> str:
        return storable_text(text, _TEXT_LENGTH, self.secrets)

    def value(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if depth > _DEPTH or self.nodes > _NODES:
            return "…"
        try:
            return self._plain(value, depth)
        except Exception as error:  # noqa: BLE001  # a caller's value may raise anything
            return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"

    def _plain(self, value: Any, depth: int) -> Any:  # noqa: PLR0911  # one return per type of JSON
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, int):
            return int(value) if -_INT64 <= value < _INT64 else self.text(hex(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else repr(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | AbstractSet):
            return self._items(value, depth)
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, Decimal | UUID):
            return str(value)
        return self.text(repr(value))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in value.items():
            found[self.text(key if isinstance(key, str) else str(key))] = self.value(item, depth + 1)
            if self.nodes > _NODES:
                break
        return found

    def _items(self, value: Iterable[Any], depth: int) -> list[Any]:
        found: list[Any] = []
        for item in value:
            found.append(self.value(item, depth + 1))
            if self.nodes > _NODES:
                break
        return found
