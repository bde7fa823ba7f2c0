"""`Usage`: the tokens of one model call, in buckets that mean the same for every provider."""

from dataclasses import dataclass, field
from typing import Any, Literal

MAX_COUNT = 100_000_000
"""The largest plausible count: ten times the largest context. Sums of such counts fit a database INTEGER."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call (or of several attempts, added up). Buckets are inclusive.

    Invariants of every `Usage` that this package makes: no bucket is negative;
    `total_tokens == prompt_tokens + completion_tokens`; `cached_tokens` and `cache_write_tokens` are each within
    `prompt_tokens` (some providers report a token in both); `reasoning_tokens` is within `completion_tokens`.
    """

    prompt_tokens: int = 0
    """Everything that the model read: text, images, tools, and the cached part of it."""
    completion_tokens: int = 0
    """Everything that the model wrote, hidden reasoning included."""
    total_tokens: int = 0
    """`prompt_tokens + completion_tokens`."""
    cached_tokens: int = 0
    """The part of the prompt that came from the provider's cache."""
    reasoning_tokens: int = 0
    """The part of the completion that was reasoning."""
    cache_write_tokens: int = 0
    """The part of the prompt that was written to the provider's cache (dearer with Anthropic)."""
    raw: Any = field(default=None, compare=False, repr=False)
    """The provider's usage object (parsed JSON), kept with the line in the ledger."""

    def __add__(self, other: "Usage") -> "Usage":
        """Add up the attempts of one call. `raw` becomes the list of their reports."""
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
    """Return the usage objects in a `Usage.raw`: none, one, or those of several attempts."""
    if raw is None:
        return []
    return raw if isinstance(raw, list) else [raw]


Beyond = Literal["prompt", "completion"]
"""The bucket of tokens that a total has beyond prompt and completion."""


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
    """Turn the numbers that a provider reported (None if it did not) into inclusive buckets.

    A total without other numbers is the prompt's. A total's excess over prompt and completion is the completion's, as
    hidden reasoning (Gemini's OpenAI-compatible endpoint, xAI); in speech to text it is the prompt's (Mistral counts
    the audio in the total alone). A total below the sum is ignored. Parts larger than their whole (azure-ai's cache,
    Vercel's reasoning) are cut to it.

    None if neither prompt nor completion nor total was reported. Zeros are a report.
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
    """Return a token count, or None for everything else.

    A count is an integer from 0 to `MAX_COUNT`, or such a float (`12.0`): no boolean, string, fraction or negative
    number.
    """
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def first_count(*values: Any) -> int | None:
    """Return the first count that is not zero, else zero, else None: a number may go by several names."""
    found: int | None = None
    for value in values:
        number = count(value)
        if number:
            return number
        if number is not None:
            found = 0
    return found


def members(value: Any) -> dict[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
