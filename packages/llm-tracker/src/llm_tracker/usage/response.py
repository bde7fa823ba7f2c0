"""Usage of a whole answer, and of a stream's events one after the other."""

from typing import Any

from llm_tracker.usage.api import ApiUsage, Source
from llm_tracker.usage.apis import usage_of
from llm_tracker.usage.buckets import Usage


def usage_from_response(api: ApiUsage | str, body: Any) -> Usage | None:
    """Return the usage that a whole answer reports, or None.

    `body` is the parsed JSON: an object, or a list of objects (a stream's events, as Gemini sends them without
    `alt=sse`). Anything else, and anything malformed in it, reports nothing and never raises. An error may report
    usage too. Raises `ValueError` for an unknown name of an API.
    """
    report = Report(usage_of(api))
    for item in body if isinstance(body, list) else [body]:
        report.take(item)
    return report.usage()


class Report:
    """The usage reported so far."""

    __slots__ = ("_api", "_merged", "_source", "_usage")

    def __init__(self, api: ApiUsage) -> None:
        self._api = api
        self._usage: Usage | None = None
        self._source: Source | None = None
        self._merged: dict[str, Any] = {}

    def take(self, item: Any) -> None:
        """Take the next event, or the whole answer."""
        if not isinstance(item, dict):
            return
        for source in self._api.sources:
            raw = source.find(item)
            if isinstance(raw, dict):
                if self._api.is_spread:
                    self._merged.update((name, value) for name, value in raw.items() if value is not None)
                    self._source = source
                elif usage := source.read(raw):
                    # Reports are cumulative, so zeros after a real one say nothing new.
                    if usage.total_tokens or self._usage is None:
                        self._usage = usage
                else:
                    continue
                return

    def usage(self) -> Usage | None:
        """Return the usage of everything that was taken."""
        return self._source.read(self._merged) if self._source else self._usage
