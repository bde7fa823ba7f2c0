"""Recorded exchanges with providers: what was asked, what came back, and what the provider said it cost.

The file is not part of the project. What is expected of it is worked out here from its own fields and the
rule of inclusive buckets, and from nothing that the product does.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[3].parent / "shared" / "llm" / "recorded.jsonl"

_GEMINI = {"generateContent", "streamGenerateContent"}
_UNTOLD = {None, "**REDACTED**"}


@dataclass(frozen=True, slots=True)
class Buckets:
    """Tokens of a line: prompt holds cached, completion holds reasoning."""

    prompt: int
    completion: int
    total: int
    cached: int
    reasoning: int

    @classmethod
    def of(cls, source: Any) -> "Buckets":
        """Those of a `Usage`, or of a row of the ledger."""
        names = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")
        if isinstance(source, dict):
            return cls(*(source[name] for name in names))
        return cls(*(getattr(source, name) for name in names))


NOTHING = Buckets(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange."""

    id: str
    provider: str
    api: str
    endpoint: str
    query: dict[str, str]
    model: str | None
    request: dict[str, Any] | None
    status: int
    content_type: str
    content: Any
    stream: bool
    usage: dict[str, int | None] | None
    usage_raw: Any

    def __str__(self) -> str:
        return f"{self.id} ({self.provider}, {self.api}{', stream' if self.stream else ''}, {self.status})"

    @property
    def body(self) -> bytes:
        """The answer's bytes."""
        text = self.content if isinstance(self.content, str) else json.dumps(self.content, ensure_ascii=False)
        return text.encode()

    @property
    def reported(self) -> Buckets | None:
        """The provider's own numbers as inclusive buckets, or None where it reported none."""
        told = self.usage
        if self.status != 200 or told is None or all(value is None for value in told.values()):
            return None
        number = {name: value or 0 for name, value in told.items()}
        prompt, completion, total = (
            number["prompt_tokens"],
            number["completion_tokens"],
            number["total_tokens"],
        )
        cached, reasoning = number["cached_tokens"], number["reasoning_tokens"]
        raw = self.usage_raw if isinstance(self.usage_raw, dict) else {}
        if self.api == "messages":
            prompt += cached + number["cache_write_tokens"]
        elif self.api in _GEMINI:
            prompt += raw.get("toolUsePromptTokenCount") or 0
            completion += reasoning
        elif told["prompt_tokens"] is None and told["completion_tokens"] is None:
            prompt = total
        # Two names that the file's `usage` leaves out.
        cached = cached or raw.get("num_cached_tokens") or 0
        reasoning = reasoning or (raw.get("tokens") or {}).get("reasoning_tokens") or 0
        beyond = max(0, total - prompt - completion)
        if self.api.startswith("audio."):
            prompt += beyond
        else:
            completion += beyond
            reasoning = max(reasoning, beyond)
        return Buckets(
            prompt, completion, prompt + completion, min(cached, prompt), min(reasoning, completion)
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON objects in the answer: one, or those of its stream."""
        if not isinstance(self.content, str):
            return [self.content] if isinstance(self.content, dict) else list(self.content)
        if self.content.startswith("["):
            return json.loads(self.content)
        lines = (line.removeprefix("data:").strip() for line in self.content.splitlines())
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def failed(self) -> bool:
        """Whether the provider said, in whatever way, that it went wrong."""
        if self.status != 200 or not self.content:
            return True
        return any(
            event.get("error") or event.get("type") in {"error", "response.failed"} for event in self.events
        )

    @property
    def says_something(self) -> bool:
        """Whether there is text for a person in the answer."""
        return not self.failed and any(text.strip() for event in self.events for text in _texts(event))


def _texts(event: dict[str, Any]) -> Iterator[str]:
    for choice in event.get("choices") or []:
        said = choice.get("message") or choice.get("delta") or {}
        yield from _plain(said.get("content"))
        yield from _plain(choice.get("text"))
    for candidate in event.get("candidates") or []:
        for part in (candidate.get("content") or {}).get("parts") or []:
            yield "" if part.get("thought") else part.get("text") or ""
    for block in event.get("content") or [] if event.get("type") == "message" else []:
        yield block.get("text") or ""
    for item in event.get("output") or []:
        yield from _plain(item.get("content") if item.get("type") == "message" else None)
    delta = event.get("delta")
    if event.get("type") == "response.output_text.delta":
        yield delta
    elif event.get("type") == "content_block_delta":
        yield delta.get("text") or ""
    if set(event) & {"task", "duration"} or set(event) == {"text"}:
        yield event["text"]  # speech to text


def _plain(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part.get("text") or "" for part in content if isinstance(part.get("text"), str))


@cache
def recorded() -> tuple[Recorded, ...]:
    """All exchanges; none where the file is absent."""
    if not FILE.exists():
        return ()
    with FILE.open(encoding="utf-8") as lines:
        return tuple(_read(json.loads(line)) for line in lines)


def _read(row: dict[str, Any]) -> Recorded:
    response = row["response"]
    told = response["headers"].get("content-type")
    usual = "text/event-stream" if row["stream"] else "application/json"
    return Recorded(
        id=row["id"],
        provider=row["provider"],
        api=row["api"],
        endpoint=row["endpoint"],
        query=row["query"] or {},
        model=row["model"],
        request=row["request"],
        status=response["status"],
        content_type=usual if told in _UNTOLD else told,
        content=response["body"],
        stream=row["stream"],
        usage=row["usage"],
        usage_raw=row["usage_raw"],
    )
