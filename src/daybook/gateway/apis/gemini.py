"""Gemini's generateContent, whole and as a stream."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound, bound_by_maximum, count_of
from daybook.gateway.apis.families import GEMINI_FAMILY
from daybook.gateway.transcript.json_access import as_dict, as_list, as_text, grow, index_of, join_pieces
from daybook.gateway.transcript.terminal_json import JsonStream, TerminalJson
from llm_tracker.usage.apis import GENERATE_CONTENT as USAGE
from llm_tracker.usage.apis import STREAM_GENERATE_CONTENT as STREAM_USAGE

_TEXT_KEYS = frozenset({"text", "thought", "thoughtSignature"})


def _assemble(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Return the whole response, and whether a candidate finished or the prompt was blocked.

    Neighbouring texts of one kind (thought or not) become one part; a signature closes its part. Everything else, usage
    included, is cumulative: the last value wins.
    """
    answer: dict[str, Any] = {}
    candidates: dict[int, _Candidate] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key == "candidates":
                for candidate in as_list(value):
                    entry = as_dict(candidate)
                    candidates.setdefault(index_of(entry), _Candidate()).add(entry)
            elif value is not None:
                answer[key] = value
    if candidates:
        answer = {"candidates": [candidate.whole() for _, candidate in sorted(candidates.items())], **answer}
    return answer, _is_over(answer)


def _is_over(chunk: Any) -> bool:
    """Return True if a candidate finished, or the prompt was blocked."""
    answer = as_dict(chunk)
    if as_dict(answer.get("promptFeedback")).get("blockReason"):
        return True
    return any(as_dict(candidate).get("finishReason") for candidate in as_list(answer.get("candidates")))


class _Candidate:
    """A candidate, growing."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self._content: dict[str, Any] = {}
        self._parts: list[dict[str, Any]] = []

    def add(self, candidate: dict[str, Any]) -> None:
        for key, value in candidate.items():
            held = self.fields.get(key)
            if key == "content":
                content = as_dict(value)
                for part in as_list(content.get("parts")):
                    self._add_part(as_dict(part))
                self._content.update(content)
            elif isinstance(value, dict) and isinstance(held, dict):
                self.fields[key] = {**held, **value}
            elif value is not None:
                self.fields[key] = value

    def whole(self) -> dict[str, Any]:
        if not self._content:
            return self.fields
        content = {**self._content, "parts": [join_pieces(part) for part in self._parts]}
        return {"content": content, **self.fields}

    def _add_part(self, part: dict[str, Any]) -> None:
        last = self._parts[-1] if self._parts else {}
        text = part.get("text")
        if (
            isinstance(text, str)
            and "text" in last
            and part.keys() <= _TEXT_KEYS
            and last.keys() <= _TEXT_KEYS
            and "thoughtSignature" not in last
            and bool(part.get("thought")) == bool(last.get("thought"))
        ):
            grow(last, "text", text)
            if "thoughtSignature" in part:
                last["thoughtSignature"] = part["thoughtSignature"]
        else:
            self._parts.append(dict(part))


def _texts(answer: dict[str, Any]) -> Iterable[str]:
    for candidate in map(as_dict, as_list(answer.get("candidates"))):
        parts = map(as_dict, as_list(as_dict(candidate.get("content")).get("parts")))
        yield "".join(as_text(part.get("text")) for part in parts if part.get("thought") is not True)


def _bound(asked: Asked) -> Bound:
    holder = "generation_config" if "generation_config" in asked.request else "generationConfig"
    config = as_dict(asked.request.get(holder))
    times = max(count_of(config.get("candidateCount")), count_of(config.get("candidate_count")))
    return bound_by_maximum(asked, "maxOutputTokens", "max_output_tokens", times=times, holder=holder)


QUESTION = ("systemInstruction", "system_instruction", "contents")

GENERATE_CONTENT = Api(
    usage=USAGE,
    family=GEMINI_FAMILY,
    tail="generateContent",
    is_leading=True,
    questions=(QUESTION,),
    text=_texts,
    assemble=_assemble,
    streams_objects=True,
    terminal=partial(JsonStream, TerminalJson((b"finishReason", b"blockReason"), _is_over, b'"parts"')),
    ends_with_connection=True,
    pieces=("text", "message"),
    bound=_bound,
)
STREAM_GENERATE_CONTENT = replace(
    GENERATE_CONTENT,
    usage=STREAM_USAGE,
    tail="streamGenerateContent",
    is_leading=False,
    always_streams=True,
)
