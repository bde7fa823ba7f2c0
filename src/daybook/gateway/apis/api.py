"""`Api`: all that the gateway must know of one API.

Each API has a file of its own beside this one; `table` lists them. Several paths may share a name: they leave the same
kind of line and call log, and the journals know them by that name.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from daybook.gateway.apis.bounds import Asked, Bound, bound_by_prompt
from daybook.gateway.apis.families import Family
from daybook.gateway.apis.final_events import assemble_final_event
from daybook.gateway.transcript.terminal_events import Scanner
from daybook.redaction.bodies import text_pieces
from llm_tracker.usage import ApiUsage

Chunks = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Api:
    """One API at one path. The defaults are those of an API whose answers are neither written nor streamed."""

    usage: ApiUsage
    """The reader of its usage."""
    family: Family
    tail: str
    """The path after `/v1/`; Gemini's action after the model."""
    questions: tuple[tuple[str, ...], ...]
    """Members of the request that may hold the question. The first group of which one is present counts."""
    name: str = field(init=False)
    """The name in journals and call logs: that of `usage`."""

    is_routed: bool = True
    """False if no path of the gateway leads to it yet."""
    is_leading: bool = False
    """The API of its family in which a model writes: what lists of models are about."""
    line: bool = True
    """Calls leave a line in the ledger, not only a call log."""
    body: Literal["json", "multipart"] = "json"
    binary: bool = False
    """Answers are files (sound)."""
    plain_text: bool = False
    """Answers may be plain text instead of JSON."""
    default_model: str | None = None
    """The model of a request that names none."""
    always_streams: bool = False
    """Requests need no `stream` to be answered by a stream."""
    asks_usage: bool = False
    """Streams report usage only if `stream_options` of the request asks for it."""
    estimates_usage: bool = True
    """Tokens are estimated if a successful answer reports none."""

    text: Callable[[dict[str, Any]], Iterable[str]] = field(default=lambda _: ())
    """The visible texts of a whole answer, one per choice. Thoughts are not visible; a refusal is."""
    assemble: Callable[[Chunks], tuple[dict[str, Any], bool]] = assemble_final_event
    """Assemble a stream's events to the answer that it would have been, and whether its end was seen."""
    streams_objects: bool = False
    """A single JSON object is a stream of one event, not a whole answer."""
    terminal: Callable[[], Scanner] = Scanner
    """Make the scanner that finds a stream's terminal event."""
    ends_with_connection: bool = False
    """More may follow an event that looks terminal."""
    pieces: tuple[str, ...] = ()
    """Members of a stream's events that hold pieces of text, across which redaction looks for secrets."""
    streamed_text: re.Pattern[str] | None = field(init=False, repr=False)
    """Compiled from `pieces`."""
    bound: Callable[[Asked], Bound] = bound_by_prompt
    """The most tokens of a call."""
    own_stream_error: Callable[[str, str, str], bytes] | None = None
    """An error as the end of a stream, if not in the family's shape: media type, code and message to bytes."""

    def __post_init__(self) -> None:
        """Set what follows from other fields."""
        object.__setattr__(self, "name", self.usage.name)
        object.__setattr__(self, "streamed_text", text_pieces(self.pieces) if self.pieces else None)

    def stream_error(self, media_type: str, code: str, message: str) -> bytes:
        """Return an error as the end of a stream that had begun."""
        return (self.own_stream_error or self.family.stream_error)(media_type, code, message)
