"""What the calls of a job have cost."""

import asyncio
import time
from decimal import Decimal
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.house.call_ids import call_id_of
from daybook.gateway.house.memory import Memory
from daybook.jobs import call_steps
from daybook.ledger import service as ledger

_PATIENCE = 5.0  # seconds that calls of this process are waited for in the book
_LOOKS = 0.05


async def costs_of(database: Database, memory: Memory, job_id: UUID) -> tuple[int, Decimal | None]:
    """The sums of the lines of a job's calls; a call that has just ended, and is not in the book in time, counts as it
    is remembered here. The cost is None where that of any line is unknown.
    """
    async with database.read() as session:
        steps = await call_steps.of_job(session, job_id)
    made = [call_id_of(job_id, step.name, number) for step in steps for number in range(1, step.attempt + 1)]
    began = time.monotonic()
    while True:
        async with database.read() as session:
            lines = await ledger.costs_of_lines(session, made)
        missing = [
            ended
            for one in made
            if one not in lines and (ended := memory.of(one)) is not None and ended.is_line
        ]
        if not missing or time.monotonic() - began > _PATIENCE:
            break
        await asyncio.sleep(_LOOKS)
    found = [*lines.values(), *((ended.tokens, ended.cost) for ended in missing)]
    costs = [cost for _, cost in found]
    total = None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))
    return sum(tokens for tokens, _ in found), total
