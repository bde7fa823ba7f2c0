"""What the API says about lines, calls and prices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from daybook.kit.ids import RowId
from daybook.kit.money import Money

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
    cost: Money | None = Field(description="USD; null where there are calls and the price of none is known.")
    unpriced_calls: int = Field(description="Calls whose price is unknown, which cost therefore lacks.")


class ModelTotals(Totals):
    """The sums of one model."""

    model: str


class DayTotals(Totals):
    """The sums of one day."""

    date: date


class BucketTotals(Totals):
    """The sums of an hour, a day or a month."""

    bucket: str = Field(description="Where it begins: 2026-01-31, or 2026-01-31T08:00:00+00:00 for an hour.")


class TokenStats(BaseModel):
    """What model calls cost in a stretch of time, by model and over time (UTC)."""

    granularity: Literal["hour", "day", "month"]
    summary: Totals
    by_model: list[ModelTotals]
    series: list[BucketTotals]


class OwnUsage(BaseModel):
    """What a person's calls cost; days are those of their timezone."""

    timezone: str
    summary: Totals
    by_model: list[ModelTotals]
    by_day: list[DayTotals]


class LineAnswer(BaseModel):
    """A line of the book."""

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
    """Which calls to list; what is absent does not matter."""

    model_config = ConfigDict(frozen=True)

    config_id: RowId | None = None
    template_id: RowId | None = None
    group_id: RowId | None = None
    activation_code: Label | None = Field(None, description="The code's public id.")
    status: Literal["success", "error"] | None = None
    model: Label | None = None


class CallAnswer(BaseModel):
    """A gateway call, without what was said in it."""

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
    call_id: UUID | None = Field(description="What the answer's x-daybook-call-id said; null in old rows.")


class CallExchange(CallAnswer):
    """A gateway call with what was asked and answered, and its line in the book."""

    request_messages: Any
    request_params: dict[str, Any] | None
    response_content: str | None
    response_data: Any
    line: LineAnswer | None = Field(description="null where the call was not sent to a model.")


class PriceNew(BaseModel):
    """What a model costs, in USD per million tokens."""

    model_config = ConfigDict(extra="forbid")

    model: Label
    input: PricePerMillion
    output: PricePerMillion
    cached_input: PricePerMillion | None = Field(None, description="As input where absent.")
    cache_write: PricePerMillion | None = Field(None, description="As input where absent.")


class PriceAnswer(BaseModel):
    """The price that counts for a model."""

    model: str
    input: Money
    output: Money
    cached_input: Money | None
    cache_write: Money | None
    created_at: datetime
