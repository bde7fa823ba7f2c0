"""The events of a Responses stream as the `response` object that it would have been without streaming."""

from typing import Any

from daybook.gateway.transcript.shape import as_dict, as_list, as_text, grow, index_of, join_pieces

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})


def assemble_responses(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """The response, and whether its last event was seen.

    The last event brings it whole. Without one, or where it leaves out the output, the output is put together.
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
    """One item of the output, growing."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._parts: dict[str, dict[int, dict[str, Any]]] = {}  # content, summary
        self._done = False

    def add(self, kind: str, event: dict[str, Any]) -> None:
        delta = event.get("delta")
        if kind in {"output_item.added", "output_item.done"}:
            self._fields.update(as_dict(event.get("item")))
            self._done = kind == "output_item.done"
        elif kind in {"content_part.added", "content_part.done"}:
            self._set_part("content", index_of(event, "content_index"), event)
        elif kind in {"reasoning_summary_part.added", "reasoning_summary_part.done"}:
            self._set_part("summary", index_of(event, "summary_index"), event)
        elif kind == "output_text.annotation.added":
            part = self._part("content", index_of(event, "content_index"), "output_text")
            notes = part.get("annotations")
            part["annotations"] = [*as_list(notes), event.get("annotation")]
        elif not isinstance(delta, str):
            return
        elif kind in {"output_text.delta", "refusal.delta", "reasoning_text.delta"}:
            name = kind.removesuffix(".delta")
            part = self._part("content", index_of(event, "content_index"), name)
            grow(part, "refusal" if name == "refusal" else "text", delta)
        elif kind == "reasoning_summary_text.delta":
            grow(self._part("summary", index_of(event, "summary_index"), "summary_text"), "text", delta)
        elif kind in {"function_call_arguments.delta", "mcp_call_arguments.delta"}:
            grow(self._fields, "arguments", delta)
        elif kind == "custom_tool_call_input.delta":
            grow(self._fields, "input", delta)
        elif kind == "code_interpreter_call_code.delta":
            grow(self._fields, "code", delta)

    def whole(self) -> dict[str, Any]:
        fields = join_pieces(self._fields)
        if not self._done:
            for name, parts in self._parts.items():
                fields[name] = [join_pieces(part) for _, part in sorted(parts.items())]
            fields.setdefault("type", "message" if "content" in fields else "function_call")
        return fields

    def _part(self, name: str, index: int, kind: str) -> dict[str, Any]:
        return self._parts.setdefault(name, {}).setdefault(index, {"type": kind})

    def _set_part(self, name: str, index: int, event: dict[str, Any]) -> None:
        self._parts.setdefault(name, {})[index] = dict(as_dict(event.get("part")))
