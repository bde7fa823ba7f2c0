"""The usage normaliser: the only code that knows how each provider reports tokens."""

from typing import Any

from llm_tracker.usage.buckets import Usage

__all__ = ["Usage", "UsageReader", "usage_from_response"]


def usage_from_response(api: str, body: Any) -> Usage | None:
    """The usage that a whole answer reports, or None where it reports none."""
    raise NotImplementedError


class UsageReader:
    """Reads the usage off a stream of bytes as it passes."""

    def __init__(self, api: str) -> None:
        raise NotImplementedError

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the answer."""
        raise NotImplementedError

    def finish(self) -> Usage | None:
        """The usage that the whole stream reported, or None."""
        raise NotImplementedError
