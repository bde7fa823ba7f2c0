"""One call through the gateway, from the caller's first header to what is written of it."""

import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from daybook.accounts.service import CodeGrant
from daybook.gateway.apis.table import Route
from daybook.gateway.call.grants import InternalGrant
from daybook.gateway.providers.config import Target
from daybook.kit.clock import now
from daybook.kit.errors import Specifics
from daybook.ledger.budgets.holds import Hold
from daybook.ledger.rate_limits.counters import RateHold
from llm_tracker.ids import uuid7
from llm_tracker.usage import Usage

KEPT = 8 * 2**20
"""Bytes of a streamed answer that are kept for the call log; usage is read off all of them."""

KEPT_WHOLE = 64 * 2**20
"""The same for an answer that comes in one piece."""


@dataclass(slots=True)
class Attempt:
    """One try at one provider, for the line's metadata."""

    config: str
    model: str
    milliseconds: int
    status: int | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Only what is known."""
        known = {"config": self.config, "model": self.model, "ms": self.milliseconds}
        if self.status is not None:
            known["status"] = self.status
        return known if self.error is None else {**known, "error": self.error}


@dataclass(slots=True)
class Exchange:
    """The state of one call. It is written once, by the gateway, when the call has ended."""

    grant: CodeGrant | InternalGrant
    route: Route
    path: str
    headers: dict[str, str] = field(repr=False)
    """With the caller's code, as `query` may be: neither is shown."""
    query: dict[str, str] = field(repr=False)
    id: UUID = field(default_factory=uuid7)
    moment: datetime = field(default_factory=now)
    started: float = field(default_factory=time.perf_counter)
    trace_id: str | None = None
    caller: dict[str, Any] | None = None
    """What the caller sent in `x-daybook-metadata`."""

    body: bytes = b""
    request: Any = None
    """The body, parsed; None where it could not be."""
    model: str = ""
    stream: bool = False
    asked_usage: bool = False
    """Whether the gateway asked for the stream's usage, and must hide the answer to that from the caller."""

    target: Target | None = None
    attempts: list[Attempt] = field(default_factory=list)
    spent: Usage | None = None
    """Tokens that failed attempts reported."""

    status: int = 200
    media_type: str = "application/json"
    answer: bytearray | bytes = field(default_factory=bytearray)
    noted: int = 0
    """Bytes of the answer that are in the journal already."""
    opened: bool = False
    """Whether the journal knows of this call."""
    rate: RateHold = field(default_factory=RateHold)
    """What it counts against its limits per minute."""
    hold: Hold = field(default_factory=Hold)
    """What it holds of its budgets."""
    most: tuple[int, int] | None = None
    """The most tokens that its prompt and its answer can take, where it holds them of a hard budget."""
    warnings: list[str] = field(default_factory=list)
    """Soft budgets that are reached, in words for a header."""
    sent: bytearray | None = None
    """What the caller was sent, where it may have to be sent again."""
    repeat: tuple[int, str] | None = None
    """The code and the hash of the key under which it may be sent again."""
    streamed: bool = False
    truncated: bool = False
    usage: Usage | None = None
    error: str | None = None
    error_details: Specifics = field(default_factory=dict[str, str | int | float])
    """What `error` says of this very case, for internal calls' own callers."""
    reached: bool = False
    """Whether a provider may have worked on it: then missing tokens are counted, and the line is marked."""
    first_byte: float | None = None
    ended: float | None = None

    @property
    def api_name(self) -> str:
        """The name in journals and call logs: the API's, else the kind of the route."""
        return self.route.api.name if self.route.api is not None else self.route.kind

    @property
    def streamed_text(self) -> re.Pattern[str] | None:
        """The pieces of text in the answer's events, for redaction."""
        return self.route.api.streamed_text if self.route.api is not None else None

    def keep(self, chunk: bytes) -> None:
        """Keep bytes of the answer, as long as there is room."""
        if len(self.answer) + len(chunk) <= KEPT:
            self.answer += chunk
        else:
            self.truncated = True

    def elapsed_ms(self) -> int:
        """Milliseconds from the call's beginning to its end, or to now."""
        return round(((self.ended or time.perf_counter()) - self.started) * 1000)
