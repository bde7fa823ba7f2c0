"""Which API reports its usage where, and how it is read: one table."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llm_tracker.usage.anthropic import messages_usage
from llm_tracker.usage.buckets import Usage
from llm_tracker.usage.gemini import gemini_usage
from llm_tracker.usage.openai import completion_usage, prompt_usage
from llm_tracker.usage.others import OLLAMA_FIELDS, cohere_usage, ollama_usage

Path = tuple[str, ...]
"""Names from the top of an answer (or of one event of a stream) down to the usage object."""

_LAST_CHOICE = "choices[-1]"
_TOP: Path = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One place where usage may stand, and how it is read there."""

    path: Path
    read: Callable[[Any], Usage | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one API reports usage.

    `sources` are tried in order, the first that reports tokens wins. `hint` is a cheap test on bytes: an
    event that it does not match holds no usage and is never parsed. `spread` says that a stream tells its
    usage in parts (Anthropic), of which the last non-null value of each field holds; otherwise the last
    report holds. `keep` are the paths that have to survive when an answer is too large to be parsed whole.
    """

    sources: tuple[Source, ...] = ()
    hint: re.Pattern[bytes] = re.compile(rb"(?!)")
    spread: bool = False
    keep: frozenset[Path] = frozenset()


def rule_for(api: str) -> Rule:
    """The rule of this API. ValueError names an API that has none."""
    rule = _RULES.get(api)
    if rule is None:
        raise ValueError(f"Unknown api {api!r}: no rule says where its usage is. Known: {', '.join(_RULES)}")
    return rule


def locate(item: Mapping[str, Any], path: Path) -> Any:
    """The value at this path, or None."""
    value: Any = item
    for name in path:
        if not isinstance(value, dict):
            return None
        if name == _LAST_CHOICE:
            choices = value.get("choices")
            value = choices[-1] if isinstance(choices, list) and choices else None
        else:
            value = value.get(name)
    return value


def _rule(*sources: Source, hint: bytes, spread: bool = False) -> Rule:
    keep: set[Path] = set()
    for source in sources:
        keep.update([source.path] if source.path else [(name,) for name in OLLAMA_FIELDS])
    # The name of a member, and not null after it: OpenAI sends `"usage": null` in every chunk but the last.
    pattern = re.compile(rb'"' + hint + rb'"\s*+:\s*+(?!null)')
    return Rule(sources=sources, hint=pattern, spread=spread, keep=frozenset(keep))


_CHAT = _rule(
    Source(("usage",), completion_usage),
    Source(("x_groq", "usage"), completion_usage),
    Source(("result", "usage"), completion_usage),  # Cloudflare's wrapping
    Source((_LAST_CHOICE, "usage"), completion_usage),  # Moonshot streams
    hint=rb"usage",
)
_RESPONSES = _rule(
    Source(("response", "usage"), completion_usage),  # response.completed, .incomplete, .failed
    Source(("usage",), completion_usage),
    hint=rb"usage",
)
_INPUT_ONLY = _rule(
    Source(("usage",), prompt_usage),
    Source(("result", "usage"), prompt_usage),
    Source(("usageMetadata",), gemini_usage),
    Source(("meta",), cohere_usage),
    Source(_TOP, ollama_usage),
    hint=rb"(?:usage|usageMetadata|meta|(?:prompt_)?eval_count)",
)
_SPEECH = _rule(Source(("usage",), prompt_usage), hint=rb"usage")
_IMAGES = _rule(Source(("usage",), completion_usage), hint=rb"usage")
_MESSAGES = _rule(
    Source(("message", "usage"), messages_usage),  # message_start
    Source(("usage",), messages_usage),  # message_delta, and a whole message
    hint=rb"usage",
    spread=True,
)
_GEMINI = _rule(Source(("usageMetadata",), gemini_usage), hint=rb"usageMetadata")
_COHERE = _rule(
    Source(("delta", "usage"), cohere_usage),  # v2 stream, message-end
    Source(("usage",), cohere_usage),
    Source(("response", "meta"), cohere_usage),  # v1 stream, stream-end
    Source(("meta",), cohere_usage),
    hint=rb"tokens",
)
_DASHSCOPE = _rule(Source(("usage",), completion_usage), hint=rb"usage")
_OLLAMA = _rule(Source(_TOP, ollama_usage), hint=rb"(?:prompt_)?eval_count")

_RULES: dict[str, Rule] = {
    "chat.completions": _CHAT,
    "completions": _CHAT,
    "responses": _RESPONSES,
    "messages": _MESSAGES,
    "generateContent": _GEMINI,
    "streamGenerateContent": _GEMINI,
    "embeddings": _INPUT_ONLY,
    "rerank": _INPUT_ONLY,
    "moderations": _INPUT_ONLY,  # OpenAI reports none, Mistral does
    "audio.transcriptions": _SPEECH,
    "audio.translations": _SPEECH,
    "audio.speech": _IMAGES,
    "images.generations": _IMAGES,
    "images.edits": _IMAGES,
    "ollama.chat": _OLLAMA,
    "ollama.generate": _OLLAMA,
    "cohere.chat": _COHERE,
    "dashscope.generation": _DASHSCOPE,
    "models": Rule(),
    "count_tokens": Rule(),
}
