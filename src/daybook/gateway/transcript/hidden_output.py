"""Output that no person sees but that is paid for as text: thoughts, and the input of tools."""

from collections.abc import Iterator
from typing import Any

import orjson

from daybook.gateway.transcript.json_access import as_dict, as_text

_HOLDERS = frozenset({
    "choices", "message", "content", "candidates", "parts", "output",
    "tool_calls", "function", "custom", "function_call", "functionCall", "executableCode",
})  # fmt: skip
_TOOL_INPUTS = frozenset({"arguments", "args", "input", "code"})
_THOUGHTS = frozenset({"reasoning_content", "reasoning", "thinking"})
_THOUGHT_PARTS = frozenset({"text", "summary"})


def hidden_text(data: Any) -> str:
    """Return all hidden output in a whole answer of any API, for counting. Walks without recursion."""
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
            yield from _tool_inputs(part)
            stack.extend(reversed(list(_parts(part, is_thought=is_thought))))


def _tool_inputs(part: dict[str, Any]) -> Iterator[str]:
    """Yield the name and the input of a tool's call."""
    for name in _TOOL_INPUTS & part.keys():
        held = part[name]
        if held:
            yield as_text(part.get("name"))
            yield held if isinstance(held, str) else orjson.dumps(held).decode()


def _parts(part: dict[str, Any], *, is_thought: bool) -> Iterator[tuple[Any, bool]]:
    """Yield the members of `part` that are still to be walked, and whether each is a thought."""
    kind = as_text(part.get("type"))
    if kind.endswith("_result"):
        return  # the model did not write it
    is_thought = is_thought or kind in {"reasoning", "thinking"} or part.get("thought") is True
    for name, held in part.items():
        if name in _THOUGHTS:
            # Some providers send the same under two names; in Responses, `reasoning` holds settings.
            if not isinstance(held, dict) and not (name == "reasoning" and part.get("reasoning_content")):
                yield held, True
        elif name in _HOLDERS or (is_thought and name in _THOUGHT_PARTS):
            yield held, is_thought
