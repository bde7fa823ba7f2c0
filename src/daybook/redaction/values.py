"""Secrets in JSON values."""

from typing import Any

from daybook.redaction.secrets import is_secret_name, mark, redact_text

DEEPEST = 200
"""Levels that are searched; deeper ones are replaced."""

_PIN = 1000  # a smaller number is no password


def without_secrets_in(value: Any, name: str = "", depth: int = 0) -> Any:
    """Return `value` with its secrets replaced; the same object if there are none. `name` is its field."""
    clean = value
    match value:
        case str():
            clean = mark("password") if value and is_secret_name(name) else redact_text(value)
        case dict() | list() if depth >= DEEPEST:
            clean = "[nested too deeply]"
        case dict():
            fields = {
                redact_text(key): without_secrets_in(held, key, depth + 1) for key, held in value.items()
            }
            clean = value if _same(value, fields) else fields
        case list():
            items = [without_secrets_in(item, name, depth + 1) for item in value]
            clean = value if all(map(_is, items, value)) else items
        case int() if abs(value) >= _PIN and is_secret_name(name):
            clean = mark("password")
        case _:
            pass
    return clean


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (
        len(one) == len(other) and all(map(_is, one, other)) and all(map(_is, one.values(), other.values()))
    )


def _is(one: object, other: object) -> bool:
    return one is other
