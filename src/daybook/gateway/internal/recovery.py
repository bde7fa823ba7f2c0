"""Recovery of a call that a dead worker began: the ledger has it once its journal is shipped.

A call that is neither in the ledger nor in a journal was never sent. Each step notes its journal's location, so that
this is known on the same host. A call from another host can only be waited for.
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
from daybook.gateway.internal.requests import InternalResponse
from daybook.kit.errors import NotFound, Unavailable
from daybook.ledger import service as ledger
from daybook.ledger.schemas import CallDetailResponse
from daybook.redaction import is_redacted
from llm_tracker.usage import Usage

FROM_ELSEWHERE = 10.0
"""Seconds to wait for a call whose journal is on another host: if it was sent, it arrives in one or two."""

FROM_HERE = 60.0
"""Seconds to wait for a call whose journal is here: it is in progress elsewhere, or no shipper runs."""

_LOOKS = 0.1  # seconds between queries


@dataclass(frozen=True, slots=True)
class JournalLocation:
    """The place of the journal that has a call."""

    host: str
    folder: str
    journal: str

    @classmethod
    def here(cls, folder: Path, journal: str) -> "JournalLocation":
        """Return the location of this process's journal."""
        return cls(platform.node(), str(folder.resolve()), journal)

    @classmethod
    def of_json(cls, note: dict[str, Any]) -> "JournalLocation":
        """Return the location in a step's note; an empty one if the note has none."""
        return cls(*(str(note.get(name, "")) for name in ("host", "folder", "journal")))

    def as_json(self) -> dict[str, Any]:
        """Return the location for a step's note."""
        return {"host": self.host, "folder": self.folder, "journal": self.journal}

    def is_beside(self, other: "JournalLocation") -> bool:
        """Return True if both are in one folder of one host."""
        return (self.host, self.folder) == (other.host, other.folder)

    def exists(self) -> bool:
        """Return True if the journal exists: its writer lives, or the ledger does not have all of it yet."""
        return (Path(self.folder) / self.journal).is_dir()


async def in_ledger(database: Database, call_id: UUID) -> CallDetailResponse | None:
    """Return the call; None if it is not in the ledger."""
    async with database.read() as session:
        try:
            return await ledger.call(session, call_id)
        except NotFound:
            return None


async def await_in_ledger(
    database: Database, call_id: UUID, may_come: Callable[[], bool | None]
) -> CallDetailResponse | None:
    """Wait for the call in the ledger; return None if it was never sent. `may_come` returns True while it may still be
    shipped from a journal, and None if unknown.

    Raises `Unavailable` if it may still come and does not.
    """
    began = time.monotonic()
    while True:
        coming = may_come()  # before the query: a journal is deleted once the ledger has its calls
        found = await in_ledger(database, call_id)
        if found is not None or coming is False:
            return found
        waited = time.monotonic() - began
        if coming is None and waited > FROM_ELSEWHERE:
            return None
        if waited > FROM_HERE:
            words = (
                "A model was called for this already, and that call is not in the ledger yet, so it is not repeated "
                "(and paid) again. Is 'daybook ship' running?"
            )
            raise Unavailable(words, code="call_not_shipped")
        await asyncio.sleep(_LOOKS)


def response_in(call: CallDetailResponse) -> InternalResponse | None:
    """Rebuild the response from the call log; None if the call failed or its content was redacted."""
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
    return InternalResponse(text, data, usage, line.model, line.id, reused=True)
