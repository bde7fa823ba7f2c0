"""OpenAI's chat completions, and those of every provider that follows them.

Providers add members of their own; the last value of an unknown one is kept.
"""

from collections.abc import Iterable
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound, bound_by_maximum, count_of
from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.transcript.json_access import (
    as_dict,
    as_list,
    as_text,
    grow,
    index_of,
    join_pieces,
    keep_value,
)
from daybook.gateway.transcript.terminal_events import DoneLine
from daybook.gateway.transcript.visible_text import content_text
from llm_tracker.usage.apis import CHAT_COMPLETIONS as USAGE

_PADDING = frozenset({"obfuscation", "p"})  # random text against measuring the length of tokens
_TEXTS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})


def assemble_chat(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Return the whole answer, and whether a `finish_reason` was seen."""
    answer: dict[str, Any] = {}
    choices: dict[int, _Choice] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key == "choices":
                for choice in as_list(value):
                    entry = as_dict(choice)
                    choices.setdefault(index_of(entry), _Choice()).add(entry)
            elif key == "x_groq" and isinstance(value, dict):
                answer[key] = {**as_dict(answer.get(key)), **value}
            elif key not in _PADDING:
                keep_value(answer, key, value)
    text_only = any(choice.is_text for choice in choices.values())
    if choices or "object" in answer:
        answer["object"] = "text_completion" if text_only else "chat.completion"
        answer["choices"] = [choice.whole(index) for index, choice in sorted(choices.items())]
    return answer, any(choice.fields.get("finish_reason") for choice in choices.values())


def choice_texts(answer: dict[str, Any]) -> Iterable[str]:
    """Return the visible text of each choice: content, refusal, or the transcript of spoken content."""
    for choice in map(as_dict, as_list(answer.get("choices"))):
        message = as_dict(choice.get("message"))
        yield (
            content_text(message.get("content"))
            or as_text(message.get("refusal"))
            or as_text(as_dict(message.get("audio")).get("transcript"))
            or as_text(choice.get("text"))
        )


class _Choice:
    """A choice of the answer, growing."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.is_text = False
        self._text: list[str] = []
        self._delta_seen = False
        self._message: dict[str, Any] = {}
        self._pieces: dict[str, list[Any]] = {}
        self._calls: list[_Call] = []
        self._call_at: dict[int, _Call] = {}
        self._logprobs: dict[str, Any] = {}
        self._details: list[dict[str, Any]] = []
        self._grown: dict[str, dict[str, Any]] = {}

    def add(self, choice: dict[str, Any]) -> None:
        for key, value in choice.items():
            if key == "delta":
                self._delta_seen = True
                self._add_delta(as_dict(value))
            elif key == "text":
                self.is_text = True
                self._text.append(as_text(value))
            elif key == "message":
                if not self._delta_seen:
                    self._message.update(as_dict(value))
            elif key == "logprobs":
                self._add_logprobs(as_dict(value))
            elif key != "index":
                keep_value(self.fields, key, value)

    def whole(self, index: int) -> dict[str, Any]:
        fields = {"index": index, **self.fields}
        fields.setdefault("finish_reason", None)
        if self._logprobs:
            fields["logprobs"] = self._logprobs
        if self.is_text:
            return {"text": "".join(self._text), **fields}
        message: dict[str, Any] = {"role": "assistant", "content": None, **self._message}
        for key, pieces in self._pieces.items():
            whole = _joined(pieces)
            message[key] = (whole or None) if key == "refusal" else whole
        for key, held in self._grown.items():
            message[key] = join_pieces(held)
        if self._details:
            message["reasoning_details"] = [join_pieces(entry) for entry in self._details]
        if self._calls:
            message["tool_calls"] = [call.whole() for call in self._calls]
        return {**fields, "message": message}

    def _add_delta(self, delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            if value is None:
                continue
            if key in _TEXTS and isinstance(value, str):
                self._pieces.setdefault(key, []).append(value)
            elif key == "content" and isinstance(value, list):
                self._pieces.setdefault(key, []).extend(value)
            elif key == "tool_calls":
                for call in as_list(value):
                    self._add_call(as_dict(call))
            elif key == "reasoning_details":
                _add_details(self._details, as_list(value))
            else:
                self._add_other(key, value)

    def _add_other(self, key: str, value: Any) -> None:
        if key in {"audio", "function_call"}:
            held = self._grown.setdefault(key, {})
            _add_texts(held, as_dict(value), {"data", "transcript", "arguments"})
        elif isinstance(value, list):
            as_list(self._message.setdefault(key, [])).extend(value)
        elif isinstance(value, dict):
            self._message[key] = {**as_dict(self._message.get(key)), **value}
        else:
            keep_value(self._message, key, value)

    def _add_call(self, part: dict[str, Any]) -> None:
        """Add a part of a tool call, placed by its index; by its id if the index is missing or the same for all."""
        identifier = as_text(part.get("id"))
        index = part.get("index")
        last = self._calls[-1] if self._calls else None
        call = self._call_at.get(index) if isinstance(index, int) else last
        if call is None or (identifier and call.identifier and identifier != call.identifier):
            call = _Call()
            self._calls.append(call)
        if isinstance(index, int):
            self._call_at[index] = call
        call.add(part)

    def _add_logprobs(self, logprobs: dict[str, Any]) -> None:
        for key, value in logprobs.items():
            if isinstance(value, list):
                held = self._logprobs.get(key)
                if isinstance(held, list):
                    held.extend(value)
                else:
                    self._logprobs[key] = list(value)
            else:
                self._logprobs.setdefault(key, value)


class _Call:
    """A tool call, growing."""

    def __init__(self) -> None:
        self.identifier = ""
        self._fields: dict[str, Any] = {}
        self._kinds: dict[str, dict[str, Any]] = {}  # function, custom
        self._arguments: dict[str, list[str]] = {}

    def add(self, part: dict[str, Any]) -> None:
        self.identifier = self.identifier or as_text(part.get("id"))
        for key, value in part.items():
            if key in {"function", "custom"} and isinstance(value, dict):
                held = self._kinds.setdefault(key, {})
                for name, text in value.items():
                    if name in {"arguments", "input"} and isinstance(text, str):
                        self._arguments.setdefault(name, []).append(text)
                    elif text is not None and text != "":
                        held[name] = text
            elif key not in {"index", "id"}:
                keep_value(self._fields, key, value)

    def whole(self) -> dict[str, Any]:
        call = {"id": self.identifier, "type": "function", **self._fields}
        for kind, held in self._kinds.items():
            argument = "input" if kind == "custom" else "arguments"
            call[kind] = {argument: "".join(self._arguments.get(argument, [])), **held}
        return call


def _joined(pieces: list[Any]) -> Any:
    """Join pieces of text; return a list of parts if some are of other kinds (Mistral's thinking)."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    parts: list[Any] = []
    texts: list[str] = []
    thoughts: list[str] = []
    for piece in [*pieces, None]:
        part = {"type": "text", "text": piece} if isinstance(piece, str) else as_dict(piece)
        kind = part.get("type")
        if texts and kind != "text":
            parts.append({"type": "text", "text": "".join(texts)})
            texts = []
        if thoughts and kind != "thinking":
            parts.append({"type": "thinking", "thinking": [{"type": "text", "text": "".join(thoughts)}]})
            thoughts = []
        if kind == "text":
            texts.append(as_text(part.get("text")))
        elif kind == "thinking":
            thought = part.get("thinking")
            thoughts.append(
                as_text(thought) or "".join(as_text(as_dict(item).get("text")) for item in as_list(thought))
            )
        elif piece is not None:
            parts.append(piece)
    return [part for part in parts if part != {"type": "text", "text": ""}]


def _add_texts(target: dict[str, Any], part: dict[str, Any], growing: set[str]) -> None:
    for key, value in part.items():
        if key in growing and isinstance(value, str):
            grow(target, key, value)
        else:
            keep_value(target, key, value)


def _add_details(details: list[dict[str, Any]], parts: list[Any]) -> None:
    """Add OpenRouter's reasoning: texts and summaries at one place grow, encrypted blocks stand alone."""
    for part in parts:
        entry = as_dict(part)
        last = details[-1] if details else {}
        same = last.get("type") == entry.get("type") and last.get("index") == entry.get("index")
        if same and as_text(entry.get("type")) in {"reasoning.text", "reasoning.summary"}:
            _add_texts(last, entry, {"text", "summary"})
        else:
            details.append(dict(entry))


def _bound(asked: Asked) -> Bound:
    names = ("max_completion_tokens", "max_tokens")
    return bound_by_maximum(
        asked, *names, missing=asked.max_tokens_field, times=count_of(asked.request.get("n"))
    )


CHAT_COMPLETIONS = Api(
    usage=USAGE,
    family=OPENAI_FAMILY,
    tail="chat/completions",
    is_leading=True,
    asks_usage=True,
    questions=(("messages",),),
    text=choice_texts,
    assemble=assemble_chat,
    terminal=DoneLine,
    pieces=(
        *("content", "text", "arguments", "refusal", "transcript", "message"),
        *("reasoning", "reasoning_content", "thinking"),
    ),
    bound=_bound,
)
