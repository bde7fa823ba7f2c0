"""The grant of an internal call, in place of an activation code's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

PostedBy = Literal["trigger", "turn", "outbox"]
"""The component that adds the line to the totals: see `ledger.posting`."""


@dataclass(frozen=True, slots=True)
class InternalGrant:
    """The grant of an internal call for `user_id`, which only that user's budgets cover.

    `metadata` is never redacted: it holds names and numbers, no content.
    """

    source: str
    user_id: int | None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    conversation_id: str | None = None
    posted_by: PostedBy = "trigger"
    assistant_replies: int = 0

    id: ClassVar[None] = None
    public_id: ClassVar[None] = None
    group_id: ClassVar[None] = None
    models: ClassVar[None] = None
    requests_per_minute: ClassVar[None] = None
    tokens_per_minute: ClassVar[None] = None

    def as_json(self) -> dict[str, Any]:
        """Return the grant for the journal, which has the user beside it."""
        return {
            "source": self.source,
            "metadata": dict(self.metadata),
            "conversation": self.conversation_id,
            "posted_by": self.posted_by,
            "replies": self.assistant_replies,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any], user_id: int | None) -> "InternalGrant":
        """Return the grant that `as_json` returned."""
        return cls(
            source=value["source"],
            user_id=user_id,
            metadata=value["metadata"],
            conversation_id=value["conversation"],
            posted_by=value["posted_by"],
            assistant_replies=value["replies"],
        )
