"""What became of a call that somebody began and did not finish: the ledger says, when the journals are in it.

A call that is neither in the ledger nor in a journal was never sent. Whoever begins one notes where its journal is, so
that on the same host this can be known; what comes from another host can only be waited for.
"""

import asyncio
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.internal.requests import Answer
from daybook.kit.errors import NotFound, Unavailable
from daybook.ledger import service as ledger
from daybook.ledger.redaction import is_redacted
from daybook.ledger.schemas import CallDetailResponse
from llm_tracker.usage import Usage

FROM_ELSEWHERE = 10.0
"""Seconds to wait for a call whose journal is not on this host: if it is sent at all, it comes in one or two."""

FROM_HERE = 60.0
"""Seconds to wait for one whose journal is here: it is under way elsewhere, or nobody ships it."""

_LOOKS = 0.1  # seconds between looks


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is journaled."""

    host: str
    folder: str
    journal: str

    @classmethod
    def here(cls, folder: Path, journal: str) -> "Place":
        """The journal of this process."""
        return cls(platform.node(), str(folder.resolve()), journal)

    @classmethod
    def of_json(cls, note: dict[str, Any]) -> "Place":
        """The place that a step's note tells; of one that tells none, nowhere."""
        return cls(*(str(note.get(name, "")) for name in ("host", "folder", "journal")))

    def as_json(self) -> dict[str, Any]:
        """The place as a step's note has it."""
        return {"host": self.host, "folder": self.folder, "journal": self.journal}

    def is_beside(self, other: "Place") -> bool:
        """Whether both are on one host, in one folder."""
        return (self.host, self.folder) == (other.host, other.folder)

    def exists(self) -> bool:
        """Whether the journal is there: its writer lives, or not all of it is in the ledger yet."""
        return (Path(self.folder) / self.journal).is_dir()


async def in_ledger(database: Database, call_id: UUID) -> CallDetailResponse | None:
    """The call, if it is in the ledger."""
    async with database.read() as session:
        try:
            return await ledger.call(session, call_id)
        except NotFound:
            return None


async def await_in_ledger(
    database: Database, call_id: UUID, may_come: Callable[[], bool | None]
) -> CallDetailResponse | None:
    """The call, once it is in the ledger; None when it will not come, for it was never sent. `may_come` tells whether a
    journal may still bring it; None where that cannot be known.

    Raises `Unavailable` when it may still come and does not.
    """
    began = time.monotonic()
    while True:
        coming = may_come()  # asked before the look: a journal goes when what it says is in the ledger
        found = await in_ledger(database, call_id)
        if found is not None or coming is False:
            return found
        waited = time.monotonic() - began
        if coming is None and waited > FROM_ELSEWHERE:
            return None
        if waited > FROM_HERE:
            words = (
                "A model was asked this already, and what became of that is not in the ledger yet, so it is not asked "
                "(and paid) again. Is 'daybook ship' running?"
            )
            raise Unavailable(words, code="call_not_shipped")
        await asyncio.sleep(_LOOKS)


def answer_in(call: CallDetailResponse) -> Answer | None:
    """The answer that the call log has, to be given again; None where the call failed, or what it said is not kept."""
    line, data = call.line, call.response_data
    if line is None or not line.success or not isinstance(data, dict):
        return None
    text = call.response_content or ""
    if is_redacted(text) or not data.get("choices"):
        return None
    usage = Usage(
        line.prompt_tokens,
        line.completion_tokens,
        line.total_tokens,
        line.cached_tokens,
        line.reasoning_tokens,
    )
    return Answer(text, data, usage, line.model, line.id, reused=True)
