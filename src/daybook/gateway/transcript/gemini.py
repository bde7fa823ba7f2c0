"""The chunks of a Gemini stream put together as one `GenerateContentResponse`."""

from typing import Any

from daybook.gateway.transcript.shape import as_dict, as_list, grow, index_of, join_pieces

_TEXT_KEYS = frozenset({"text", "thought", "thoughtSignature"})


def assemble_gemini(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """The whole response, and whether a candidate finished or the prompt was blocked.

    Neighbouring texts of one kind (thought or not) become one part; a signature closes its part. The last
    value of everything else, usage included, wins: it is cumulative.
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
    blocked = as_dict(answer.get("promptFeedback")).get("blockReason")
    return answer, bool(blocked) or any(
        candidate.fields.get("finishReason") for candidate in candidates.values()
    )


class _Candidate:
    """One candidate, growing."""

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
