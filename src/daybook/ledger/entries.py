"""The rows of one call: its line in the ledger and its call log."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from uuid import UUID

from daybook.ledger.budgets.settling import Settlement
from daybook.ledger.idempotency import KeptAnswer
from llm_tracker.pricing import known

INTEGER_MAX = 2**31 - 1


@dataclass(slots=True)
class LineEntry:
    """A line of `llm_tracker_usage`, in values that PostgreSQL can store. `metadata` is JSON text."""

    id: UUID
    user_id: int | None
    model: str
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    success: bool
    error: str | None
    metadata: str
    created_at: datetime
    provider: str | None
    cost: Decimal | None
    is_estimated: bool
    source: str
    duration_ms: int | None
    trace_id: str | None
    group_id: int | None
    code: str | None
    conversation_id: str | None = None
    assistant_replies: int = 0
    posted_by: str = "trigger"

    def __post_init__(self) -> None:
        """A cost that is not finite is unknown."""
        self.cost = known(self.cost)


@dataclass(slots=True)
class LogEntry:
    """A row of `llm_call_logs`. The JSON columns are JSON text."""

    usage_id: UUID | None
    config_id: int | None
    group_id: int | None
    activation_code: str | None
    api: str | None
    model: str | None
    request_messages: str
    request_params: str | None
    response_content: str | None
    response_data: str | None
    status: str
    error_message: str | None
    tokens_used: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    call_time: datetime
    duration_ms: int | None
    call_id: UUID | None = None


@dataclass(slots=True)
class Entry:
    """One call: a log, and a line if it was sent to a model."""

    id: UUID
    line: LineEntry | None
    log: LogEntry | None
    settlement: Settlement | None = None
    """Its reservations, settled in the transaction that writes the line."""
    kept: KeptAnswer | None = None
    """Its answer, if it may be repeated; kept in the same transaction."""


LINE_COLUMNS: tuple[str, ...] = LineEntry.__match_args__
LOG_COLUMNS: tuple[str, ...] = LogEntry.__match_args__

line_values = attrgetter(*LINE_COLUMNS)
log_values = attrgetter(*LOG_COLUMNS)


def integer(value: float | None) -> int:
    """`value` as an INTEGER column takes it: at least 0, at most 2³¹ - 1."""
    return min(max(int(value or 0), 0), INTEGER_MAX)
