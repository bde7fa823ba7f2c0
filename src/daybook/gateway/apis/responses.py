"""OpenAI's responses."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import bound_by_maximum
from daybook.gateway.apis.families import OPENAI_FAMILY, last_event
from daybook.gateway.transcript.json_access import as_dict, as_list, as_text, grow, index_of, join_pieces
from daybook.gateway.transcript.terminal_events import NamedEvents
from daybook.gateway.transcript.visible_text import content_text
from llm_tracker.usage.apis import RESPONSES as USAGE

_LAST = ("response.completed", "response.incomplete", "response.failed")
_PARTS = {
    "content_part.added": ("content", "content_index"),
    "content_part.done": ("content", "content_index"),
    "reasoning_summary_part.added": ("summary", "summary_index"),
    "reasoning_summary_part.done": ("summary", "summary_index"),
}
_TEXTS = {
    "output_text.delta": ("content", "content_index", "output_text", "text"),
    "refusal.delta": ("content", "content_index", "refusal", "refusal"),
    "reasoning_text.delta": ("content", "content_index", "reasoning_text", "text"),
    "reasoning_summary_text.delta": ("summary", "summary_index", "summary_text", "text"),
}
_FIELDS = {
    "function_call_arguments.delta": "arguments",
    "mcp_call_arguments.delta": "arguments",
    "custom_tool_call_input.delta": "input",
    "code_interpreter_call_code.delta": "code",
}


def _assemble(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Return the response, and whether its last event was seen.

    The last event has the whole response. The output is assembled if that event, or its output, is missing.
    """
    response: dict[str, Any] = {}
    finished = False
    for event in chunks:
        kind = as_text(event.get("type"))
        if isinstance(event.get("response"), dict):
            response = dict(event["response"])
            finished = finished or kind in _LAST
        elif kind == "error" or event.get("error"):
            response.setdefault("error", event.get("error") or event)
    if not response.get("output"):
        output = _output(chunks)
        if output or "output" in response:
            response["output"] = output
    return response, finished


def _output(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    items: dict[int, _Item] = {}
    for event in chunks:
        kind = as_text(event.get("type"))
        if kind.startswith("response.") and "output_index" in event:
            items.setdefault(index_of(event, "output_index"), _Item()).add(
                kind.removeprefix("response."), event
            )
    return [item.whole() for _, item in sorted(items.items())]


class _Item:
    """An item of the output, growing."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._parts: dict[str, dict[int, dict[str, Any]]] = {}  # content, summary
        self._done = False

    def add(self, kind: str, event: dict[str, Any]) -> None:
        delta = event.get("delta")
        if kind in {"output_item.added", "output_item.done"}:
            self._fields.update(as_dict(event.get("item")))
            self._done = kind == "output_item.done"
        elif kind in _PARTS:
            name, place = _PARTS[kind]
            self._parts.setdefault(name, {})[index_of(event, place)] = dict(as_dict(event.get("part")))
        elif kind == "output_text.annotation.added":
            part = self._part("content", index_of(event, "content_index"), "output_text")
            if not isinstance(part.get("annotations"), list):
                part["annotations"] = []
            part["annotations"].append(event.get("annotation"))
        elif kind in _TEXTS and isinstance(delta, str):
            name, place, part_type, field = _TEXTS[kind]
            grow(self._part(name, index_of(event, place), part_type), field, delta)
        elif kind in _FIELDS and isinstance(delta, str):
            grow(self._fields, _FIELDS[kind], delta)

    def whole(self) -> dict[str, Any]:
        fields = join_pieces(self._fields)
        if not self._done:
            for name, parts in self._parts.items():
                fields[name] = [join_pieces(part) for _, part in sorted(parts.items())]
            fields.setdefault("type", "message" if "content" in fields else "function_call")
        return fields

    def _part(self, name: str, index: int, kind: str) -> dict[str, Any]:
        return self._parts.setdefault(name, {}).setdefault(index, {"type": kind})


def _texts(answer: dict[str, Any]) -> Iterable[str]:
    items = [as_dict(item) for item in as_list(answer.get("output"))]
    messages = [item for item in items if item.get("type", "message") == "message"]
    return ("".join(content_text(message.get("content")) for message in messages),)


def _stream_error(media_type: str, code: str, message: str) -> bytes:
    error = {"type": "error", "code": code, "message": message, "param": None}
    return last_event(media_type, error, "error")


RESPONSES = Api(
    usage=USAGE,
    family=OPENAI_FAMILY,
    tail="responses",
    questions=(("instructions", "input", "prompt"),),
    text=_texts,
    assemble=_assemble,
    terminal=partial(NamedEvents, tuple(name.encode() for name in _LAST), (b"response.", b"error")),
    pieces=("delta", "text", "arguments", "refusal", "content", "message"),
    bound=lambda asked: bound_by_maximum(asked, "max_output_tokens"),
    own_stream_error=_stream_error,
)
