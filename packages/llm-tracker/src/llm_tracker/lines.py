"""A line of the ledger, before it is stored."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from llm_tracker.pricing import known
from llm_tracker.usage import Usage

INTEGER_MAX = 2**31 - 1
MODEL_LENGTH = 128
PROVIDER_LENGTH = 32
ERROR_LENGTH = 10_000
TOKEN_COLUMNS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class Line:
    """One model call, with the table's columns."""

    id: UUID
    user_id: int | None
    model: str
    provider: str | None
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: Decimal | None
    success: bool
    error: str | None
    is_estimated: bool
    metadata: dict[str, Any]
    created_at: datetime

    def __post_init__(self) -> None:
        """Set a cost that is not finite to None."""
        object.__setattr__(self, "cost", known(self.cost))

    def values(self) -> dict[str, Any]:
        """Return the values by column."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_json(self) -> bytes:
        """Return one line of a spill file, without the newline."""
        return orjson.dumps(
            {**self.values(), "cost": None if self.cost is None else format(self.cost, "f")},
            option=orjson.OPT_UTC_Z,
        )

    @classmethod
    def from_json(cls, text: bytes) -> "Line":
        """Parse one line of a spill file. Raises ValueError if it is not complete."""
        try:
            values = orjson.loads(text)
            values["id"] = UUID(values["id"])
            values["created_at"] = datetime.fromisoformat(values["created_at"]).astimezone(UTC)
            values["cost"] = None if values["cost"] is None else Decimal(values["cost"])
            return cls(**{field.name: values[field.name] for field in fields(cls)})
        except (TypeError, KeyError, ArithmeticError, AttributeError) as error:
            raise ValueError(f"not a line of a spill file: {type(error).__name__}") from error


def token_columns(usage: Usage) -> dict[str, int]:
    """Return the five buckets within the range of INTEGER (the raw object has the original values)."""
    return {name: min(max(int(getattr(usage, name)), 0), INTEGER_MAX) for name in TOKEN_COLUMNS}
