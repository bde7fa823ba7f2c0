"""`ApiUsage`: where the answers of one API report usage, and how it is read there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_tracker.usage.buckets import Usage

Path = tuple[str, ...]
"""Names from the top of an answer (or of one event of a stream) down to the usage object."""

LAST_CHOICE = "choices[-1]"
"""In a path: the last element of `choices`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place of the usage object, and its reader."""

    path: Path
    read: Callable[[Any], Usage | None]
    fields: tuple[str, ...] = ()
    """The members to be read, if the path is the top of the answer."""

    def find(self, item: Mapping[str, Any]) -> Any:
        """Return the value at the path, or None."""
        value: Any = item
        for name in self.path:
            if not isinstance(value, dict):
                return None
            if name == LAST_CHOICE:
                choices = value.get("choices")
                value = choices[-1] if isinstance(choices, list) and choices else None
            else:
                value = value.get(name)
        return value


@dataclass(frozen=True, slots=True, eq=False)
class ApiUsage:
    """The usage of one API. An API without sources reports none."""

    name: str
    sources: tuple[Source, ...] = ()
    """Tried in order; the first that reports tokens wins."""
    members: bytes = b"(?!)"
    """Regular expression for the names of members, one of which is in every report. An event without any of them, or
    with null as its value, is never parsed."""
    is_spread: bool = False
    """A stream reports its usage in parts; the last value of each field that is not null holds. Otherwise the last
    report holds."""
    is_counted: bool = True
    """Calls consume tokens, which are estimated if none are reported."""
    has_text: bool = True
    """The answer is text that the model wrote. Vectors and scores are not."""
    unseen_prompt: int = 0
    """Estimated tokens of the prompt that are not in the request's JSON."""
    hint: re.Pattern[bytes] = field(init=False, repr=False)
    """Compiled from `members`."""
    keep: frozenset[Path] = field(init=False, repr=False)
    """Paths that must survive if an answer is too large to be parsed whole."""

    def __post_init__(self) -> None:
        """Compile `hint` and collect `keep`."""
        # OpenAI sends `"usage": null` in every chunk but the last.
        object.__setattr__(self, "hint", re.compile(rb'"(?:' + self.members + rb')"\s*+:\s*+(?!null)'))
        paths = (
            path for one in self.sources for path in ([one.path] if one.path else [(f,) for f in one.fields])
        )
        object.__setattr__(self, "keep", frozenset(paths))
