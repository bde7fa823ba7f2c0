"""Request and response bodies of lines, calls and prices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from daybook.kit.ids import RowId
from daybook.kit.money import Money
from daybook.kit.schemas import RequestModel, ResponseModel

Label = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
"""A name to look for: of a model, a code, a status."""

PricePerMillion = Annotated[Decimal, Ge(0), Le(1_000_000), Field(max_digits=18, decimal_places=9)]
"""USD per million tokens."""


class Totals(BaseModel):
    """Sums over lines. Buckets are inclusive: prompt holds cached, completion holds reasoning."""

    total_calls: int
    successful_calls: int
    failed_calls: int
    total_prompt_tokens: int
    total_completion_tokens: int
    total_tokens: int
    total_cached_tokens: int
    total_reasoning_tokens: int
    cost: Money | None = Field(description="USD; null if there are calls and the price of none is known.")
    unpriced_calls: int = Field(description="Calls whose price is unknown; cost lacks them.")


class ModelTotals(Totals):
    """The sums of one model."""

    model: str


class SourceTotals(Totals):
    """The sums of one source of calls."""

    source: str


class DayTotals(Totals):
    """The sums of one day."""

    date: date


class BucketTotals(Totals):
    """The sums of an hour, a day or a month."""

    bucket: str = Field(description="Its start: 2026-01-31, or 2026-01-31T08:00:00+00:00 for an hour.")


class Latency(ResponseModel):
    """Latency of calls in ms: half of them took `p50` or less, and so on.

    Estimated from a histogram with buckets that end at 10, 20, 50, 100, 200, 500 ms and so on up to 500 s, evenly
    filled. So the true value is in the same bucket: from 10 ms on, at most 2.5 times as long or short. Anything above
    500 s is reported as 500 s.
    """

    p50: int
    p90: int
    p99: int


class Figures(Totals):
    """The sums of a dashboard."""

    estimated_calls: int = Field(
        description="Calls whose tokens Daybook counted, because the provider reported none."
    )
    latency_ms: Latency | None = Field(description="null if no call has a duration.")


class ModelFigures(Figures):
    """The sums of one model."""

    model: str


class GroupFigures(Figures):
    """The sums of one group."""

    group_id: int | None = Field(
        description="null for calls without a group: Daybook's own and the library's."
    )
    group_name: str | None


class SourceFigures(Figures):
    """The sums of one source of calls."""

    source: str


class BucketFigures(Figures):
    """The sums of an hour, a day or a month."""

    bucket: str = Field(description="Its start: 2026-01-31, or 2026-01-31T08:00:00+00:00 for an hour.")


class TokenStatsResponse(BaseModel):
    """The cost of model calls in a time range. Each list covers all calls, most tokens first; `series` is over time
    (UTC).
    """

    granularity: Literal["hour", "day", "month"]
    summary: Figures
    by_model: list[ModelFigures]
    by_group: list[GroupFigures]
    by_source: list[SourceFigures]
    series: list[BucketFigures]


class OwnUsageResponse(BaseModel):
    """The cost of a user's calls; days are those of their timezone."""

    timezone: str
    summary: Totals
    by_model: list[ModelTotals]
    by_source: list[SourceTotals]
    by_day: list[DayTotals]


class LineResponse(BaseModel):
    """A line of the ledger."""

    id: UUID
    user_id: int | None
    model: str
    provider: str | None
    source: str
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: Money | None
    is_estimated: bool
    success: bool
    error: str | None
    duration_ms: int | None
    trace_id: str | None
    group_id: int | None
    code: str | None
    conversation_id: str | None
    metadata: dict[str, Any] = Field(validation_alias="meta")
    created_at: datetime


class CallFilter(BaseModel):
    """A filter of calls; absent fields match all."""

    model_config = ConfigDict(frozen=True)

    config_id: RowId | None = None
    template_id: RowId | None = None
    group_id: RowId | None = None
    activation_code: Label | None = Field(None, description="The code's public id.")
    status: Literal["success", "error"] | None = None
    model: Label | None = None


class CallResponse(BaseModel):
    """A gateway call without its content."""

    id: int
    usage_id: UUID | None
    config_id: int | None
    template_id: int | None
    group_id: int | None
    activation_code: str | None
    api: str | None
    model: str | None
    status: str
    error_message: str | None
    tokens_used: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    call_time: datetime
    duration_ms: int | None
    call_id: UUID | None = Field(description="The answer's x-daybook-call-id; null in old rows.")


class CallDetailResponse(CallResponse):
    """A gateway call with its content and its line in the ledger."""

    request_messages: Any
    request_params: dict[str, Any] | None
    response_content: str | None
    response_data: Any
    line: LineResponse | None = Field(description="null if the call was not sent to a model.")


class PriceRequest(RequestModel):
    """A model's price in USD per million tokens."""

    model: Label
    input: PricePerMillion
    output: PricePerMillion
    cached_input: PricePerMillion | None = Field(None, description="Default: input.")
    cache_write: PricePerMillion | None = Field(None, description="Default: input.")


class PriceResponse(BaseModel):
    """The price that counts for a model."""

    model: str
    input: Money
    output: Money
    cached_input: Money | None
    cache_write: Money | None
    created_at: datetime
