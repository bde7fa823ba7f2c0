"""The usage of an API that does not exist, as a file of `llm_tracker.usage` would have it: unlike all others."""

from typing import Any

from llm_tracker.usage import ApiUsage, Source, Usage
from llm_tracker.usage.buckets import count, inclusive, members


def ink_usage(raw: Any) -> Usage | None:
    ink = members(raw)
    return inclusive(raw, prompt=count(ink.get("drunk")), completion=count(ink.get("spilled")))


VERSES = ApiUsage("verses", (Source(("ink",), ink_usage),), members=rb"ink")
