"""Gemini's and Vertex's `usageMetadata`."""

from typing import Any

from llm_tracker.usage.buckets import Usage, count, inclusive, members


def gemini_usage(raw: Any) -> Usage | None:
    """Return the usage of generateContent, streamGenerateContent and embedContent.

    `candidatesTokenCount` excludes thoughts. `promptTokenCount` includes cached content but not the results of tools
    (`toolUsePromptTokenCount`). The total includes all of it.
    """
    usage = members(raw)
    prompt = count(usage.get("promptTokenCount"))
    tools = count(usage.get("toolUsePromptTokenCount"))
    candidates = count(usage.get("candidatesTokenCount"))
    thoughts = count(usage.get("thoughtsTokenCount"))
    return inclusive(
        raw,
        prompt=None if prompt is None and tools is None else (prompt or 0) + (tools or 0),
        completion=None if candidates is None and thoughts is None else (candidates or 0) + (thoughts or 0),
        total=count(usage.get("totalTokenCount")),
        cached=count(usage.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )
