"""Model calls of a diary job. Each is a step: a job that is resumed gets the same answer again."""

import hashlib
from dataclasses import dataclass
from typing import Any

from daybook.gateway.internal import InternalClient, InternalRequest, Model
from daybook.jobs import JobContext
from daybook.lifelog.diary.prompts import Messages
from daybook.lifelog.diary.style import Style

SOURCE = "diary"
"""Source of the calls in the ledger."""


@dataclass(frozen=True, slots=True)
class DiaryModelClient:
    """Calls the model for one job.

    Step names begin with a digest of the page's input. A job that is resumed after the day's events, the style or the
    model changed calls the model again.
    """

    internal_client: InternalClient
    context: JobContext
    model: Model
    style: Style
    day: str
    digest: str

    async def ask(self, step: str, messages: Messages, **options: Any) -> str:
        """Return the model's answer. Raises what `InternalClient.call` does."""
        request = InternalRequest(
            user_id=self.context.user_id,
            source=SOURCE,
            model=self.model.name,
            body={"messages": messages, **options},
            metadata={"diary_date": self.day},
            trace_id=self.context.trace_id,
        )
        answer = await self.internal_client.call(request, step=(self.context.job_id, f"{self.digest}/{step}"))
        return answer.text


def digest_of(*parts: str) -> str:
    """Return a short digest of a page's input."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
