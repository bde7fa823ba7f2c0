"""What a model wrote and nobody sees: its thoughts, and what it hands to tools. It is paid as text is."""

from collections.abc import Iterator
from typing import Any

import orjson

from daybook.gateway.transcript.shape import as_dict, as_text

_HOLDERS = frozenset({
    "choices", "message", "content", "candidates", "parts", "output",
    "tool_calls", "function", "custom", "function_call", "functionCall", "executableCode",
})  # fmt: skip
_HANDED = frozenset({"arguments", "args", "input", "code"})
_THOUGHTS = frozenset({"reasoning_content", "reasoning", "thinking"})
_THOUGHT_PARTS = frozenset({"text", "summary"})


def unseen_text(data: Any) -> str:
    """All of it in a whole answer of any API, in no special form: for counting. Walks without recursion."""
    return "\n".join(_texts(data))


def _texts(data: Any) -> Iterator[str]:
    stack: list[tuple[Any, bool]] = [(data, False)]
    while stack:
        value, is_thought = stack.pop()
        if isinstance(value, str):
            if is_thought and value:
                yield value
        elif isinstance(value, list):
            stack.extend((item, is_thought) for item in reversed(value))
        elif isinstance(value, dict):
            part = as_dict(value)
            yield from _handed(part)
            stack.extend(reversed(list(_parts(part, is_thought=is_thought))))


def _handed(part: dict[str, Any]) -> Iterator[str]:
    """The call of a tool."""
    for name in _HANDED & part.keys():
        held = part[name]
        if held:
            yield as_text(part.get("name"))
            yield held if isinstance(held, str) else orjson.dumps(held).decode()


def _parts(part: dict[str, Any], *, is_thought: bool) -> Iterator[tuple[Any, bool]]:
    """What in `part` is still to be looked at, and whether it is a thought."""
    kind = as_text(part.get("type"))
    if kind.endswith("_result"):
        return  # what a tool found was not written
    is_thought = is_thought or kind in {"reasoning", "thinking"} or part.get("thought") is True
    for name, held in part.items():
        if name in _THOUGHTS:
            # Some send the same under two names; Responses tells how it was asked to think under one.
            if not isinstance(held, dict) and not (name == "reasoning" and part.get("reasoning_content")):
                yield held, True
        elif name in _HOLDERS or (is_thought and name in _THOUGHT_PARTS):
            yield held, is_thought
