"""Request and response bodies of budgets."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from annotated_types import Ge, Lt
from pydantic import BaseModel, Field, StringConstraints, model_validator

from daybook.kit.ids import RowId
from daybook.kit.money import Money
from daybook.kit.schemas import RequestModel
from daybook.ledger.budgets.periods import Period
from daybook.ledger.budgets.terms import SubjectKind, Unit

Owner = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""The id of a gateway process, which is its journal's."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]

Amount = Annotated[Decimal, Ge(0), Lt(Decimal(10) ** 15), Field(max_digits=24, decimal_places=9)]


class BudgetRequest(RequestModel):
    """The limit of a code, a group or a user for a day or a month (UTC).

    It replaces the limit of an existing budget of the same subject, period, unit and kind.
    """

    subject: SubjectKind
    subject_id: RowId | Label = Field(
        description="The id of the group or the user; the public id of the code."
    )
    period: Period
    unit: Unit
    limit: Amount = Field(description="In tokens, or in USD.")
    hard: bool = Field(
        default=True, description="A hard budget refuses calls (429); a soft one warns and lets pass."
    )

    @model_validator(mode="after")
    def _whole_tokens(self) -> "BudgetRequest":
        if self.unit == "tokens" and self.limit != self.limit.to_integral_value():
            raise ValueError("limit: tokens are whole numbers")
        return self


class BudgetResponse(BaseModel):
    """A budget, and its current period. Amounts are in its unit."""

    id: int
    subject: SubjectKind
    subject_id: int
    subject_name: str = Field(description="The code's public id, the group's name or the user's account.")
    period: Period
    unit: Unit
    limit: Money
    hard: bool
    active: bool
    used: Money = Field(description="Usage of settled calls.")
    held: Money = Field(description="Reserved by gateways for calls in progress, or leased for the next.")
    left: Money = Field(description="limit - used - held, at least 0.")
    overrun: Money = Field(
        description="The part of used that providers reported beyond the most that was possible."
    )
    period_start: date
    resets_at: datetime
    created_at: datetime
    updated_at: datetime | None


class LeaseResponse(BaseModel):
    """The amount that one gateway process has leased of one period of one budget and not settled."""

    owner: str
    budget_id: int
    period_start: date
    held: Money
    leased_at: datetime = Field(description="When it leased for the first time.")
    seen_at: datetime | None = Field(description="When the process was last alive; null when it has ended.")


class ReleaseResponse(BaseModel):
    """The number of released leases."""

    released: int
