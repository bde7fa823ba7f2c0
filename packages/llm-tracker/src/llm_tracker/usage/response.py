"""Usage of a whole answer, and of the events of a stream one after the other."""

from typing import Any

from llm_tracker.usage.buckets import Usage
from llm_tracker.usage.rules import Rule, Source, locate, rule_for


def usage_from_response(api: str, body: Any) -> Usage | None:
    """The usage that a whole answer reports, or None where it reports none.

    `body` is the parsed JSON: an object, or a list of objects (a stream's events, as Gemini sends them
    without `alt=sse`). Anything else, and anything malformed in it, reports nothing and never raises; an
    error that tells what it cost reports that. ValueError for an unknown `api`.
    """
    report = Report(rule_for(api))
    for item in body if isinstance(body, list) else [body]:
        report.take(item)
    return report.usage()


class Report:
    """What an answer has reported so far."""

    __slots__ = ("_merged", "_rule", "_source", "_usage")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._usage: Usage | None = None
        self._source: Source | None = None
        self._merged: dict[str, Any] = {}

    def take(self, item: Any) -> None:
        """Take the next event, or the whole answer."""
        if not isinstance(item, dict):
            return
        for source in self._rule.sources:
            raw = locate(item, source.path)
            if isinstance(raw, dict):
                if self._rule.spread:
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
        """The usage of everything that was taken."""
        return self._source.read(self._merged) if self._source else self._usage
