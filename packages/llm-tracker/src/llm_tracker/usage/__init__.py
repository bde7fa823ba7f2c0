"""The usage normaliser: the only code that knows how each provider reports tokens."""

from llm_tracker.usage.buckets import Usage
from llm_tracker.usage.response import usage_from_response
from llm_tracker.usage.stream import UsageReader

__all__ = ["Usage", "UsageReader", "usage_from_response"]
