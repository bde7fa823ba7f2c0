"""Streams of the smaller native APIs: Ollama, Cohere, DashScope, and OpenAI's speech and pictures."""

from itertools import pairwise
from typing import Any

from daybook.gateway.transcript.shape import as_dict, as_list, as_text, grow, index_of, join_pieces


def assemble_ollama(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Ollama's lines as its answer with `stream: false`, and whether the `done` line was seen."""
    answer: dict[str, Any] = {}
    message: dict[str, Any] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key in {"response", "thinking"} and isinstance(value, str):
                grow(answer, key, value)
            elif key == "message":
                _grow_all(message, as_dict(value), {"content", "thinking"})
            else:
                answer[key] = value
    if message:
        answer["message"] = join_pieces(message)
    return join_pieces(answer), answer.get("done") is True


def assemble_cohere(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Cohere's events as its answer without streaming; `message-end` (v1: `stream-end`) ends it."""
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
            _add_cohere_delta(message, placed, index_of(event), as_dict(delta.get("message")))
    for key, parts in placed.items():
        if parts:
            message[key] = [_joined_deep(part) for _, part in sorted(parts.items())]
    if message:
        answer["message"] = join_pieces(message)
    return join_pieces(answer), finished


def assemble_dashscope(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """DashScope's events as its answer without streaming, and whether a finish reason was seen.

    An event holds what is new or, without `incremental_output`, all there is so far; the texts tell which.
    """
    answer: dict[str, Any] = {}
    outputs: list[dict[str, Any]] = []
    for chunk in chunks:
        answer.update(chunk)
        outputs.append(as_dict(chunk.get("output")))
    texts = [_dashscope_text(output) for output in outputs]
    cumulative = len(texts) > 1 and all(new.startswith(old) for old, new in pairwise(texts))
    output = outputs[-1] if cumulative and any(texts) else _dashscope_sum(outputs)
    if outputs and "output" in answer:
        answer["output"] = output
    reasons = [
        output.get("finish_reason"),
        *(as_dict(c).get("finish_reason") for c in as_list(output.get("choices"))),
    ]
    return answer, any(
        reason not in {None, "", "null"} for reason in reasons if isinstance(reason, str | None)
    )


def assemble_media(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Streams of transcription, speech and pictures: the last event holds the answer."""
    answer: dict[str, Any] = {}
    text: dict[str, Any] = {}
    finished = False
    for event in chunks:
        kind = as_text(event.get("type"))
        if kind.endswith((".done", ".completed")) and kind != "transcript.text.segment.done":
            answer.update(event)
            finished = True
        elif kind == "transcript.text.delta":
            grow(text, "text", as_text(event.get("delta")))
        elif event.get("error"):
            answer["error"] = event["error"]
    return {**join_pieces(text), **answer}, finished


def _add_cohere_delta(
    message: dict[str, Any], placed: dict[str, dict[int, dict[str, Any]]], index: int, delta: dict[str, Any]
) -> None:
    for key, part in delta.items():
        if key in placed and isinstance(part, dict):
            _place(placed[key].setdefault(index, {}), part)
        elif isinstance(part, str):
            grow(message, key, part)


def _grow_all(target: dict[str, Any], part: dict[str, Any], growing: set[str]) -> None:
    for key, value in part.items():
        held = target.get(key)
        if key in growing and isinstance(value, str):
            grow(target, key, value)
        elif isinstance(held, list) and isinstance(value, list):
            held.extend(value)
        elif value is not None:
            target[key] = value


def _place(target: dict[str, Any], part: dict[str, Any]) -> None:
    """Merge one part of Cohere's message into its place: texts, thoughts and arguments grow."""
    for key, value in part.items():
        held = target.get(key)
        if isinstance(value, dict) and isinstance(held, dict):
            _grow_all(held, value, {"arguments"})
        elif isinstance(value, dict):
            target[key] = dict(value)
        elif key in {"text", "thinking"} and isinstance(value, str):
            grow(target, key, value)
        else:
            target[key] = value


def _joined_deep(part: dict[str, Any]) -> dict[str, Any]:
    for value in part.values():
        if isinstance(value, dict):
            join_pieces(value)
    return join_pieces(part)


def _dashscope_text(output: dict[str, Any]) -> str:
    message = as_dict(as_dict((as_list(output.get("choices")) or [{}])[0]).get("message"))
    calls = as_dict(as_dict((as_list(message.get("tool_calls")) or [{}])[0]).get("function"))
    texts = [
        output.get("text"),
        message.get("reasoning_content"),
        message.get("content"),
        calls.get("arguments"),
    ]
    return "".join(as_text(text) or _parts_text(text) for text in texts)


def _parts_text(content: Any) -> str:
    return "".join(as_text(as_dict(part).get("text")) for part in as_list(content))


def _dashscope_sum(outputs: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    messages: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[int, dict[str, Any]]] = {}
    for output in outputs:
        _grow_all(whole, {key: value for key, value in output.items() if key != "choices"}, {"text"})
        for choice in map(as_dict, as_list(output.get("choices"))):
            place = index_of(choice)
            message = dict(as_dict(choice.get("message")))
            if isinstance(message.get("content"), list):
                message["content"] = _parts_text(message["content"])
            for call in map(as_dict, as_list(message.pop("tool_calls", None))):
                held = calls.setdefault(place, {}).setdefault(index_of(call), {})
                _place(held, {key: value for key, value in call.items() if value != "" or key not in held})
            _grow_all(messages.setdefault(place, {}), message, {"content", "reasoning_content"})
            choices.setdefault(place, {}).update(choice)
    for place, choice in choices.items():
        choice["message"] = join_pieces(messages[place])
        if place in calls:
            choice["message"]["tool_calls"] = [_joined_deep(call) for _, call in sorted(calls[place].items())]
    if choices:
        whole["choices"] = [choice for _, choice in sorted(choices.items())]
    return join_pieces(whole)
