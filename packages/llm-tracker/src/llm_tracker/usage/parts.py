"""Parts of a prompt and a completion with prices of their own: sound, pictures, and long-lived cache writes.

They are no buckets of the ledger; they are read from the provider's usage object if a price needs them.
"""

from dataclasses import dataclass
from typing import Any

from llm_tracker.usage.buckets import Usage, count, first_count, members, raw_parts


@dataclass(frozen=True, slots=True)
class PricedParts:
    """Tokens within the buckets of a `Usage`; 0 if the provider does not report them."""

    input_audio: int = 0
    """Within the prompt, cached sound included."""
    cached_audio: int = 0
    """Within the cached part of the prompt."""
    output_audio: int = 0
    input_image: int = 0
    output_image: int = 0
    cache_write_1h: int = 0
    """Within the cache writes: those that last an hour (Anthropic)."""


def priced_parts(usage: Usage) -> PricedParts:
    """Return the parts that the usage's `raw` reports, of all attempts together."""
    parts = [_parts(raw) for raw in raw_parts(usage.raw) if isinstance(raw, dict)]
    if len(parts) == 1:
        return parts[0]
    return PricedParts(
        input_audio=sum(part.input_audio for part in parts),
        cached_audio=sum(part.cached_audio for part in parts),
        output_audio=sum(part.output_audio for part in parts),
        input_image=sum(part.input_image for part in parts),
        output_image=sum(part.output_image for part in parts),
        cache_write_1h=sum(part.cache_write_1h for part in parts),
    )


def _parts(raw: dict[str, Any]) -> PricedParts:
    if "promptTokenCount" in raw or "totalTokenCount" in raw:
        return PricedParts(
            input_audio=_modality(raw.get("promptTokensDetails"), "AUDIO")
            + _modality(raw.get("toolUsePromptTokensDetails"), "AUDIO"),
            cached_audio=_modality(raw.get("cacheTokensDetails"), "AUDIO"),
            output_audio=_modality(raw.get("candidatesTokensDetails"), "AUDIO"),
            input_image=_modality(raw.get("promptTokensDetails"), "IMAGE"),
            output_image=_modality(raw.get("candidatesTokensDetails"), "IMAGE"),
        )
    prompt: dict[str, Any] = {}
    for name in (
        "prompt_tokens_details",
        "input_tokens_details",
        "prompt_token_details",
        "input_token_details",
    ):
        prompt = prompt or members(raw.get(name))
    completion = members(raw.get("completion_tokens_details")) or members(raw.get("output_tokens_details"))
    return PricedParts(
        input_audio=first_count(prompt.get("audio_tokens"), raw.get("audio_prompt_tokens")) or 0,
        cached_audio=count(members(prompt.get("cached_tokens_details")).get("audio_tokens")) or 0,
        output_audio=count(completion.get("audio_tokens")) or 0,
        input_image=count(prompt.get("image_tokens")) or 0,
        output_image=count(completion.get("image_tokens")) or 0,
        cache_write_1h=count(members(raw.get("cache_creation")).get("ephemeral_1h_input_tokens")) or 0,
    )


def _modality(details: Any, modality: str) -> int:
    if not isinstance(details, list):
        return 0
    return sum(
        count(detail.get("tokenCount")) or 0
        for detail in details
        if isinstance(detail, dict) and detail.get("modality") == modality
    )
