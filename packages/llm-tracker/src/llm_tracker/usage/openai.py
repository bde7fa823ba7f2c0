"""OpenAI's usage object and everything that resembles it.

One reader serves chat completions, completions, responses, embeddings, images, audio and rerank, of many servers. They
differ only in names (`prompt_tokens` or `input_tokens`) and in the place of the cached and the reasoning part.
"""

from typing import Any

from llm_tracker.usage.buckets import Beyond, Usage, first_count, inclusive, members


def completion_usage(raw: Any) -> Usage | None:
    """Return the usage of an API whose answers are written: a total beyond the sum is hidden reasoning."""
    return _read(raw, "completion")


def prompt_usage(raw: Any) -> Usage | None:
    """Return the usage of an API that costs what it reads (embeddings, rerank, speech to text)."""
    return _read(raw, "prompt")


def _read(raw: Any, beyond: Beyond) -> Usage | None:
    usage = members(raw)
    prompt_details = (
        members(usage.get("prompt_tokens_details"))
        or members(usage.get("input_tokens_details"))
        or members(usage.get("prompt_token_details"))  # Mistral, before it took OpenAI's name
        or members(usage.get("input_token_details"))
    )
    completion_details = members(usage.get("completion_tokens_details")) or members(
        usage.get("output_tokens_details")
    )
    return inclusive(
        raw,
        prompt=first_count(usage.get("prompt_tokens"), usage.get("input_tokens")),
        completion=first_count(usage.get("completion_tokens"), usage.get("output_tokens")),
        total=first_count(usage.get("total_tokens")),
        cached=first_count(
            prompt_details.get("cached_tokens"),
            usage.get("prompt_cache_hit_tokens"),  # DeepSeek
            usage.get("num_cached_tokens"),  # Mistral
            usage.get("cached_tokens"),  # Moonshot, Together
            usage.get("cache_read_input_tokens"),  # Databricks, Vercel
        ),
        reasoning=first_count(
            completion_details.get("reasoning_tokens"),
            usage.get("reasoning_tokens"),  # Perplexity
        ),
        cache_write=first_count(
            prompt_details.get("cache_write_tokens"),
            usage.get("cache_creation_input_tokens"),  # Databricks, Vercel
        ),
        beyond=beyond,
    )
