"""Arguments of the assistant's services; they are also the payloads of its events."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from annotated_types import Ge, Le
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from daybook.kit.ids import RowId
from daybook.kit.text import storable

Tokens = Annotated[int, Ge(0), Le(2**31 - 1), Field(strict=True)]


def _storable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


class TokenAdjustment(BaseModel):
    """Tokens of one model call, to be added to a person and a conversation. The event's key is the call's id."""

    model_config = ConfigDict(frozen=True)

    user_id: Annotated[RowId, Field(strict=True)]
    conversation_id: UUID
    tokens_delta: Tokens
    reason: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    triggered_at: AwareDatetime


class Message(BaseModel):
    """A message to be kept, with the tokens that its turn took."""

    model_config = ConfigDict(frozen=True)

    user_id: Annotated[RowId, Field(strict=True)]
    conversation_id: UUID
    role: Literal["user", "assistant"]
    message: Annotated[str, BeforeValidator(_storable)]
    tokens_consumed: Tokens

    @model_validator(mode="after")
    def _only_answers_take_tokens(self) -> Self:
        if self.role == "user" and self.tokens_consumed:
            raise ValueError("a person's message takes no tokens; the answer's has those of the whole turn")
        return self
