"""The usage of APIs that resemble neither OpenAI's, Anthropic's nor Gemini's: Cohere and Ollama."""

from typing import Any

from llm_tracker.usage.buckets import Usage, count, first_count, inclusive, members

OLLAMA_FIELDS = (
    "prompt_eval_count",
    "eval_count",
    "total_duration",
    "load_duration",
    "prompt_eval_duration",
    "eval_duration",
)
"""Ollama's report of a call, at the top level of its answer (durations in nanoseconds)."""


def cohere_usage(raw: Any) -> Usage | None:
    """Return the usage of Cohere's chat: `usage` (v2) or `meta` (v1).

    `tokens` counts what the model read and wrote. `billed_units` is the charge (without Cohere's own prompt), not a
    token count: an answer with nothing else reports no usage.
    """
    usage = members(raw)
    tokens = members(usage.get("tokens"))
    return inclusive(
        raw,
        prompt=count(tokens.get("input_tokens")),
        completion=count(tokens.get("output_tokens")),
        cached=first_count(usage.get("cached_tokens"), tokens.get("cached_tokens")),
        reasoning=count(tokens.get("reasoning_tokens")),
    )


def ollama_usage(answer: Any) -> Usage | None:
    """Return the usage of Ollama's own API, which is in the `done` line itself.

    `prompt_eval_count` is absent if the whole prompt was in the cache: that prompt counts as 0.
    """
    raw = {name: answer[name] for name in OLLAMA_FIELDS if name in members(answer)}
    return inclusive(raw, prompt=count(raw.get("prompt_eval_count")), completion=count(raw.get("eval_count")))
