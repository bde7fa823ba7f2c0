"""Requests and responses of internal calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from daybook.gateway.grants import PostedBy
from llm_tracker.usage import Usage

_LONGEST_SOURCE = 32

Purpose = Literal["diary", "vision"]
"""A use that Daybook has for a model."""


@dataclass(frozen=True, slots=True)
class InternalRequest:
    """A call to make.

    `body` is that of an OpenAI chat completion, whatever the provider; pictures in it are `data:` URLs. Its `model` is
    set from `model`, which may be `configuration/name`. `metadata` is added to the line's.
    """

    user_id: int | None
    source: str
    """The line's `source`: diary, vision, …; at most 32 characters."""
    model: str
    body: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trace_id: str | None = None
    conversation_id: str | None = None
    posted_by: PostedBy = "trigger"
    assistant_replies: int = 0
    """The line's `assistant_replies`: 1 for a finished reply."""

    def __post_init__(self) -> None:
        """Raises `ValueError` on programming errors."""
        if not 1 <= len(self.source) <= _LONGEST_SOURCE:
            raise ValueError(f"A source has 1 to {_LONGEST_SOURCE} characters.")
        if self.body.get("stream"):
            raise ValueError("Internal calls cannot stream yet: leave 'stream' out of the body.")


@dataclass(frozen=True, slots=True)
class InternalResponse:
    """The answer of a model. `reused`: an earlier call of the same step gave it."""

    text: str
    """The visible text; may be empty."""
    data: Any
    """The provider's whole answer."""
    usage: Usage
    """As reported, else estimated."""
    model: str
    """The provider's name of the model."""
    call_id: UUID
    reused: bool = False

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped: `stop`, `length` (cut off), `content_filter`, …; None if unknown."""
        choices = self.data.get("choices") if isinstance(self.data, dict) else None
        first = choices[0] if isinstance(choices, list) and choices else None
        reason = first.get("finish_reason") if isinstance(first, dict) else None
        return reason if isinstance(reason, str) else None


@dataclass(frozen=True, slots=True)
class Model:
    """A model to call. `is_demo`: it is the offline demo model, whose texts must be labelled."""

    name: str
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model for a purpose, or None. `reason` explains a missing model, or one that is not the user's choice."""

    model: Model | None
    reason: str | None = None
    passed_over: str | None = None
    """The user's choice, if it cannot be used."""
