"""`Usage`: what one model call cost in tokens, in buckets that mean the same for every provider."""

from dataclasses import dataclass, field
from typing import Any, Literal

MAX_COUNT = 100_000_000
"""The largest single count that is believed. The largest context is a tenth of it; what is beyond is a
broken answer, and buckets summed from believed counts stay within a database INTEGER."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call (or of several attempts, added up). Buckets are inclusive.

    Invariants of every `Usage` that this package makes: no bucket is negative;
    `total_tokens == prompt_tokens + completion_tokens`; `cached_tokens` and `cache_write_tokens` are each
    within `prompt_tokens` (some providers report a token in both); `reasoning_tokens` is within
    `completion_tokens`.
    """

    prompt_tokens: int = 0
    """Everything that was read: text, images, tools, and the cached part of it."""
    completion_tokens: int = 0
    """Everything that was written, hidden reasoning included."""
    total_tokens: int = 0
    """`prompt_tokens + completion_tokens`."""
    cached_tokens: int = 0
    """The part of the prompt that came from the provider's cache."""
    reasoning_tokens: int = 0
    """The part of the completion that was reasoning."""
    cache_write_tokens: int = 0
    """The part of the prompt that was written to the provider's cache (dearer with Anthropic)."""
    raw: Any = field(default=None, compare=False, repr=False)
    """The provider's usage object as it came (parsed JSON); kept beside the line in the ledger."""

    def __add__(self, other: "Usage") -> "Usage":
        """Sum the attempts of one call. `raw` becomes the list of what each attempt reported."""
        if not isinstance(other, Usage):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            raw=[*raw_parts(self.raw), *raw_parts(other.raw)] or None,
        )


def raw_parts(raw: Any) -> list[Any]:
    """The usage objects in a `Usage.raw`: none, one, or those of several attempts."""
    if raw is None:
        return []
    return raw if isinstance(raw, list) else [raw]


Beyond = Literal["prompt", "completion"]
"""Whose tokens they are that a total has beyond prompt and completion."""


def inclusive(
    raw: Any,
    *,
    prompt: int | None,
    completion: int | None,
    total: int | None = None,
    cached: int | None = None,
    reasoning: int | None = None,
    cache_write: int | None = None,
    beyond: Beyond = "completion",
) -> Usage | None:
    """Turn the numbers that a provider reported (None where it did not) into inclusive buckets.

    Where only a total is given it is the prompt's. What a total has beyond prompt and completion is the
    completion's, and hidden reasoning (Gemini's OpenAI-compatible endpoint, xAI); in speech to text it is the
    prompt's (Mistral counts the audio in the total alone). A total below the sum is ignored. Parts larger
    than their whole (azure-ai's cache, Vercel's reasoning) are cut to it.

    None when neither prompt nor completion nor total was reported. Zeros are a report.
    """
    if prompt is None and completion is None:
        if total is None:
            return None
        prompt = total
    prompt = prompt or 0
    completion = completion or 0
    reasoning = reasoning or 0
    extra = (total or 0) - prompt - completion
    if extra > 0:
        if beyond == "prompt":
            prompt += extra
        else:
            completion += extra
            reasoning = max(reasoning, extra)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=min(cached or 0, prompt),
        reasoning_tokens=min(reasoning, completion),
        cache_write_tokens=min(cache_write or 0, prompt),
        raw=raw,
    )


def count(value: Any) -> int | None:
    """A token count as a provider wrote it, or None for everything that is none.

    An integer from 0 to `MAX_COUNT`, or a float that is one (`12.0`). Booleans, strings, fractions, negative
    and absurd numbers are no counts.
    """
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def first_count(*values: Any) -> int | None:
    """The count among the names that a number goes by: the first that is not zero, else zero, else None."""
    found: int | None = None
    for value in values:
        number = count(value)
        if number:
            return number
        if number is not None:
            found = 0
    return found


def members(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
