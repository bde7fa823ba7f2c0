"""Tokens and cost of a job's calls."""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.internal.call_ids import call_id_of
from daybook.gateway.internal.recent_calls import RecentCalls
from daybook.jobs import call_steps
from daybook.jobs.call_steps import CallStep
from daybook.ledger import service as ledger

_PATIENCE = 5.0  # seconds to wait until calls of this process are in the ledger
_LOOKS = 0.05


async def costs_of(database: Database, recent_calls: RecentCalls, job_id: UUID) -> tuple[int, Decimal | None]:
    """Return the sums of the lines of a job's calls. A call whose line is not in the ledger in time counts with what
    this process knows of it. The cost is None if that of any line is unknown.
    """
    async with database.read() as session:
        steps = await call_steps.of_job(session, job_id)
    made = [call_id_of(job_id, step.name, number) for step in steps for number in range(1, step.attempt + 1)]
    known = _known(steps, made, recent_calls)
    began = time.monotonic()
    while True:
        async with database.read() as session:
            lines = await ledger.costs_of_lines(session, made)
        if not known.keys() - lines.keys() or time.monotonic() - began > _PATIENCE:
            break
        await asyncio.sleep(_LOOKS)
    found = (known | lines).values()
    costs = [cost for _, cost in found if cost is not None]
    return sum(tokens for tokens, _ in found), sum(costs, Decimal(0)) if len(costs) == len(found) else None


def _known(
    steps: Sequence[CallStep], made: Sequence[UUID], recent_calls: RecentCalls
) -> dict[UUID, tuple[int, Decimal | None]]:
    """Return the ended calls, which have lines or soon will: of finished steps, and of this process."""
    known: dict[UUID, tuple[int, Decimal | None]] = {
        step.call_id: (step.result["usage"]["total_tokens"], None)
        for step in steps
        if step.finished and step.call_id is not None
    }
    for call_id in made:
        ended = recent_calls.of(call_id)
        if ended is not None and ended.is_line:
            known[call_id] = ended.tokens, ended.cost
    return known
