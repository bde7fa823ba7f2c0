"""Cohere's own chat, v2 and v1. Complete and ready to be routed, but no path of the gateway leads here yet."""

from functools import partial
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import bound_by_maximum
from daybook.gateway.apis.families import Family, last_event
from daybook.gateway.transcript.json_access import as_dict, as_text, grow, grow_all, index_of, join_pieces
from daybook.gateway.transcript.terminal_events import NamedEvents
from daybook.gateway.transcript.visible_text import content_text
from llm_tracker.usage.apis import COHERE_CHAT as USAGE

COHERE_FAMILY = Family(
    name="cohere",
    error_body=lambda _status, _code, message, _param: {"message": message},
    model=lambda name, _owner: {"name": name, "endpoints": ["chat"]},
    model_list=lambda models: {"models": models},
)


def _assemble(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Return the answer that the events make, and whether `message-end` (v1: `stream-end`) was seen."""
    answer: dict[str, Any] = {}
    message: dict[str, Any] = {}
    placed: dict[str, dict[int, dict[str, Any]]] = {"content": {}, "tool_calls": {}, "citations": {}}
    finished = False
    for event in chunks:
        kind = as_text(event.get("type")) or as_text(event.get("event_type"))
        delta = as_dict(event.get("delta"))
        if kind == "message-start":
            answer["id"] = event.get("id")
            message.update(as_dict(delta.get("message")))
        elif kind in {"message-end", "stream-end"}:
            answer.update(delta or as_dict(event.get("response")))
            finished = True
        elif kind == "text-generation":
            grow(answer, "text", as_text(event.get("text")))
        elif event.get("error"):
            answer["error"] = event["error"]
        else:
            _add_delta(message, placed, index_of(event), as_dict(delta.get("message")))
    for key, parts in placed.items():
        if parts:
            message[key] = [_joined(part) for _, part in sorted(parts.items())]
    if message:
        answer["message"] = join_pieces(message)
    return join_pieces(answer), finished


def _add_delta(
    message: dict[str, Any], placed: dict[str, dict[int, dict[str, Any]]], index: int, delta: dict[str, Any]
) -> None:
    for key, part in delta.items():
        if key in placed and isinstance(part, dict):
            _place(placed[key].setdefault(index, {}), part)
        elif isinstance(part, str):
            grow(message, key, part)


def _place(target: dict[str, Any], part: dict[str, Any]) -> None:
    """Merge a part of the message into its place: texts, thoughts and arguments grow."""
    for key, value in part.items():
        held = target.get(key)
        if isinstance(value, dict) and isinstance(held, dict):
            grow_all(held, value, {"arguments"})
        elif isinstance(value, dict):
            target[key] = dict(value)
        elif key in {"text", "thinking"} and isinstance(value, str):
            grow(target, key, value)
        else:
            target[key] = value


def _joined(part: dict[str, Any]) -> dict[str, Any]:
    for value in part.values():
        if isinstance(value, dict):
            join_pieces(value)
    return join_pieces(part)


def _stream_error(media_type: str, _code: str, message: str) -> bytes:
    delta = {"finish_reason": "ERROR", "error": message}
    return last_event(media_type, {"type": "message-end", "delta": delta}, "message-end")


COHERE_CHAT = Api(
    usage=USAGE,
    family=COHERE_FAMILY,
    tail="chat",
    is_leading=True,
    is_routed=False,
    questions=(("messages",), ("preamble", "chat_history", "message")),
    text=lambda answer: (
        content_text(as_dict(answer.get("message")).get("content")) or as_text(answer.get("text")),
    ),
    assemble=_assemble,
    terminal=partial(
        NamedEvents,
        (b"message-end", b"stream-end"),
        (b"message-", b"content-", b"tool-", b"citation-"),
    ),
    pieces=("text", "thinking", "arguments", "content", "message"),
    bound=lambda asked: bound_by_maximum(asked, "max_tokens"),
    own_stream_error=_stream_error,
)
