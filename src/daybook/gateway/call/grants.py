"""Whose call it is, where it is Daybook's own: what stands in the place of an activation code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

PostedBy = Literal["trigger", "turn", "outbox"]
"""Who adds the line to the totals: see `ledger.posting`."""


@dataclass(frozen=True, slots=True)
class InternalGrant:
    """A call of Daybook's own, made for `user_id`: it is counted to that user's budgets and to nobody else's.

    `metadata` reaches the line as it is, whatever the setting of redaction: names and numbers, nothing that was said.
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
        """The grant as the journal keeps it; the user is told beside it."""
        return {
            "source": self.source,
            "metadata": dict(self.metadata),
            "conversation": self.conversation_id,
            "posted_by": self.posted_by,
            "replies": self.assistant_replies,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any], user_id: int | None) -> "InternalGrant":
        """The grant that `as_json` told."""
        return cls(
            source=value["source"],
            user_id=user_id,
            metadata=value["metadata"],
            conversation_id=value["conversation"],
            posted_by=value["posted_by"],
            assistant_replies=value["replies"],
        )
