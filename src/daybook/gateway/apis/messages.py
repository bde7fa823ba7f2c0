"""Anthropic's messages."""

from functools import partial
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import bound_by_maximum
from daybook.gateway.apis.families import ANTHROPIC_FAMILY
from daybook.gateway.transcript.json_access import as_dict, as_text, grow, index_of, join_pieces, parse
from daybook.gateway.transcript.terminal_events import NamedEvents
from daybook.gateway.transcript.visible_text import content_text
from llm_tracker.usage.apis import MESSAGES as USAGE

_GROWING = {"text_delta": "text", "thinking_delta": "thinking", "compaction_delta": "content"}


def _assemble(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Return the message that the stream's events make, and whether `message_stop` was seen."""
    message: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    inputs: dict[int, list[str]] = {}
    stopped = False
    for event in chunks:
        kind = as_text(event.get("type"))
        index = index_of(event)
        if kind == "content_block_delta":
            _add_delta(blocks.setdefault(index, {}), inputs, index, as_dict(event.get("delta")))
        elif kind == "content_block_start":
            blocks[index] = dict(as_dict(event.get("content_block")))
        elif kind == "message_start":
            message.update(as_dict(event.get("message")))
        elif kind == "message_delta":
            _finish(message, event)
        elif kind == "message_stop":
            stopped = True
        elif event.get("error"):
            message["error"] = event["error"]
    if blocks or message.get("type") == "message":
        message["content"] = _content(blocks, inputs)
    return message, stopped


def _content(blocks: dict[int, dict[str, Any]], inputs: dict[int, list[str]]) -> list[dict[str, Any]]:
    for index, pieces in inputs.items():
        if partial := "".join(pieces):
            blocks[index]["input"] = _input(partial)
    return [join_pieces(block) for _, block in sorted(blocks.items())]


def _add_delta(
    block: dict[str, Any], inputs: dict[int, list[str]], index: int, delta: dict[str, Any]
) -> None:
    kind = as_text(delta.get("type"))
    if kind == "input_json_delta":
        inputs.setdefault(index, []).append(as_text(delta.get("partial_json")))
    elif kind == "citations_delta":
        citations = block.get("citations")
        if not isinstance(citations, list):
            citations = block["citations"] = []
        citations.append(delta.get("citation"))
    else:
        if kind in _GROWING:
            block.setdefault("type", kind.removesuffix("_delta"))
        for key, value in delta.items():
            if isinstance(value, str) and key == _GROWING.get(kind):
                grow(block, key, value)
            elif key != "type":
                block[key] = value


def _finish(message: dict[str, Any], event: dict[str, Any]) -> None:
    """Take the stop reason and usage. Its numbers are cumulative: the last one that is not null wins."""
    message.update(as_dict(event.get("delta")))
    usage = {key: value for key, value in as_dict(event.get("usage")).items() if value is not None}
    message["usage"] = {**as_dict(message.get("usage")), **usage}
    message.update((key, value) for key, value in event.items() if key not in {"type", "delta", "usage"})


def _input(partial: str) -> Any:
    """Parse a tool's input; return its text if the stream ended within it."""
    try:
        return parse(partial.encode("utf-8", "surrogatepass"))
    except ValueError:
        return partial


MESSAGES = Api(
    usage=USAGE,
    family=ANTHROPIC_FAMILY,
    tail="messages",
    is_leading=True,
    questions=(("system", "messages"),),
    text=lambda answer: (content_text(answer.get("content")),),
    assemble=_assemble,
    terminal=partial(NamedEvents, (b"message_stop",), (b"message_", b"content_block_", b"ping", b"error")),
    pieces=("text", "thinking", "partial_json", "content", "message"),
    bound=lambda asked: bound_by_maximum(asked, "max_tokens"),
)
