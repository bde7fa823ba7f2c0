"""Anthropic's usage object, from api.anthropic.com, Vertex and other providers of the Messages API."""

from typing import Any

from llm_tracker.usage.buckets import Usage, count, inclusive, members


def messages_usage(raw: Any) -> Usage | None:
    """Return the usage of a message. `input_tokens` excludes cache reads and writes, which are added to the prompt.

    The top level is billed at the model's own price. `iterations` repeats it turn by turn and adds calls of other
    models (an advisor), so it stays in `raw` only.
    """
    usage = members(raw)
    fresh = count(usage.get("input_tokens"))
    cached = count(usage.get("cache_read_input_tokens"))
    written = count(usage.get("cache_creation_input_tokens"))
    if written is None:
        by_lifetime = members(usage.get("cache_creation"))
        written = _sum(
            count(by_lifetime.get("ephemeral_5m_input_tokens")),
            count(by_lifetime.get("ephemeral_1h_input_tokens")),
        )
    return inclusive(
        raw,
        prompt=_sum(fresh, cached, written),
        completion=count(usage.get("output_tokens")),
        cached=cached,
        reasoning=count(members(usage.get("output_tokens_details")).get("thinking_tokens")),
        cache_write=written,
    )


def _sum(*counts: int | None) -> int | None:
    """Return the sum of the reported counts; None if there are none."""
    reported = [number for number in counts if number is not None]
    return sum(reported) if reported else None
