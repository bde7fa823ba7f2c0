"""`Usage`: what one model call cost in tokens, in buckets that mean the same for every provider."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call (or of several attempts, added up). Buckets are inclusive.

    Invariants of every `Usage` that this package makes: no bucket is negative;
    `total_tokens == prompt_tokens + completion_tokens`; `cached_tokens + cache_write_tokens <= prompt_tokens`;
    `reasoning_tokens <= completion_tokens`.
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
            raw=[*_raw_parts(self.raw), *_raw_parts(other.raw)] or None,
        )


def _raw_parts(raw: Any) -> list[Any]:
    if raw is None:
        return []
    return raw if isinstance(raw, list) else [raw]
