"""Usage of model calls, normalised: the only code that knows how each API reports tokens."""

from llm_tracker.usage.api import ApiUsage, Source
from llm_tracker.usage.buckets import Usage
from llm_tracker.usage.response import usage_from_response
from llm_tracker.usage.stream import UsageReader

__all__ = ["ApiUsage", "Source", "Usage", "UsageReader", "usage_from_response"]
