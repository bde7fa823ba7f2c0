"""What Daybook asks of a model, and what it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from daybook.gateway.call.grants import PostedBy
from llm_tracker.usage import Usage

_LONGEST_SOURCE = 32

Purpose = Literal["diary", "vision"]
"""What Daybook needs a model for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a model.

    `request` is the body of an OpenAI chat completion, whatever the provider; pictures in it are `data:` URLs. Its
    `model` is set from `model`, which may be `configuration/name`. `metadata` reaches the line.
    """

    user_id: int | None
    source: str
    """What the line says it was for: diary, vision, …; at most 32 characters."""
    model: str
    request: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trace_id: str | None = None
    conversation_id: str | None = None
    posted_by: PostedBy = "trigger"
    assistant_replies: int = 0
    """What the line counts as replies of the assistant: 1 for a finished one."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for what is a mistake of ours."""
        if not 1 <= len(self.source) <= _LONGEST_SOURCE:
            raise ValueError(f"A source has 1 to {_LONGEST_SOURCE} characters.")
        if self.request.get("stream"):
            raise ValueError(
                "The internal client does not pass on streams yet: leave 'stream' out of the request."
            )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said. Of a call that was made before, the same again, and `reused`."""

    text: str
    """What a person would see of it; empty where there is nothing."""
    data: Any
    """The whole answer, as the provider gave it."""
    usage: Usage
    """As reported, else counted here."""
    model: str
    """The model that answered, by the provider's name."""
    call_id: UUID
    reused: bool = False

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped: `stop`, `length` (it was cut off), `content_filter`, …; None where it did not say."""
        choices = self.data.get("choices") if isinstance(self.data, dict) else None
        first = choices[0] if isinstance(choices, list) and choices else None
        reason = first.get("finish_reason") if isinstance(first, dict) else None
        return reason if isinstance(reason, str) else None


@dataclass(frozen=True, slots=True)
class Model:
    """A model to ask. `is_demo`: it is the offline demo model, and what it writes must be labelled so."""

    name: str
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The model for a purpose, or None; `reason` says in a sentence why it is none, or not the one that was wished."""

    model: Model | None
    reason: str | None = None
    passed_over: str | None = None
    """The model that the person wishes, where it cannot be used."""
