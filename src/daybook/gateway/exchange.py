"""`Exchange`: a call in progress, from the caller's first header to its journal records."""

import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from daybook.accounts.service import CodeGrant
from daybook.gateway.apis.table import Route
from daybook.gateway.grants import InternalGrant
from daybook.gateway.providers.config import Target
from daybook.kit.clock import now
from daybook.kit.errors import Specifics
from daybook.ledger.budgets.holds import Hold
from daybook.ledger.rate_limits.counters import RateHold
from llm_tracker.ids import uuid7
from llm_tracker.usage import Usage

STREAM_KEPT_MAX = 8 * 2**20
"""Bytes of a streamed answer that are kept for the call log; usage is read from all of them."""

WHOLE_KEPT_MAX = 64 * 2**20
"""The same for an answer that comes in one piece."""


@dataclass(slots=True)
class Attempt:
    """One attempt at one target, for the line's metadata."""

    config: str
    model: str
    milliseconds: int
    status: int | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the known fields."""
        known = {"config": self.config, "model": self.model, "ms": self.milliseconds}
        if self.status is not None:
            known["status"] = self.status
        return known if self.error is None else {**known, "error": self.error}


@dataclass(slots=True)
class Exchange:
    """The state of a call in progress. The gateway journals its end once."""

    grant: CodeGrant | InternalGrant
    route: Route
    path: str
    headers: dict[str, str] = field(repr=False)
    """Not shown: headers and query may hold the caller's code."""
    query: dict[str, str] = field(repr=False)
    id: UUID = field(default_factory=uuid7)
    created_at: datetime = field(default_factory=now)
    started: float = field(default_factory=time.perf_counter)
    trace_id: str | None = None
    caller_metadata: dict[str, Any] | None = None
    """The header `x-daybook-metadata`."""

    body: bytes = b""
    request: Any = None
    """The parsed body; None if it is malformed."""
    model: str = ""
    stream: bool = False
    hides_usage: bool = False
    """True if the gateway requested the stream's usage, and hides it from the caller."""

    target: Target | None = None
    attempts: list[Attempt] = field(default_factory=list)
    failed_usage: Usage | None = None
    """Tokens that failed attempts reported."""

    status: int = 200
    media_type: str = "application/json"
    answer: bytearray | bytes = field(default_factory=bytearray)
    journaled: int = 0
    """Bytes of the answer that are in the journal."""
    opened: bool = False
    """True if the journal has this call."""
    rate_hold: RateHold = field(default_factory=RateHold)
    """What it counts against its limits per minute."""
    hold: Hold = field(default_factory=Hold)
    """What it holds of its budgets."""
    token_bound: tuple[int, int] | None = None
    """Maximum tokens of prompt and answer, if it holds them of a hard budget."""
    warnings: list[str] = field(default_factory=list)
    """Reached soft budgets, in words for a header."""
    sent_bytes: bytearray | None = None
    """Bytes that the caller was sent, if the request has an idempotency key."""
    idempotency: tuple[int, str] | None = None
    """Id of the code and hash of the idempotency key."""
    streamed: bool = False
    truncated: bool = False
    usage: Usage | None = None
    error: str | None = None
    error_details: Specifics = field(default_factory=dict[str, str | int | float])
    """The values in `error`, for internal calls."""
    reached: bool = False
    """True if a provider may have worked on it: missing tokens are then estimated, and the line is marked."""
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
        """Keep bytes of the answer, up to the maximum."""
        if len(self.answer) + len(chunk) <= STREAM_KEPT_MAX:
            self.answer += chunk
        else:
            self.truncated = True

    def elapsed_ms(self) -> int:
        """Return the milliseconds from the call's start to its end, or to now."""
        return round(((self.ended or time.perf_counter()) - self.started) * 1000)
