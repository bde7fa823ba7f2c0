"""`verify`: compare everything stored about the lines with the lines.

Invariants:

- All of it is read in one snapshot, so that concurrent calls cause no differences.
- It writes nothing but the record of its run.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.db.engine import Database, ReadSession
from daybook.ledger import posting, service
from daybook.ledger.models import Line
from daybook.ledger.verification import lines, totals
from daybook.ledger.verification.budgets import BUDGETS
from daybook.ledger.verification.checks import Check
from daybook.ledger.verification.models import LedgerVerification
from daybook.ledger.verification.schemas import MOST, Difference, Verification

CHECKS = (*totals.COUNTERS, *totals.ROLLUPS, *BUDGETS, *lines.CHECKS)
"""Those of the ledger."""

SLOWEST = (*(check.what for check in totals.ROLLUPS), "llm_call_logs")
"""Started first, so that the two sessions end at about the same time."""


async def verify(database: Database, more: Sequence[Check] = (), *, gently: bool = False) -> Verification:
    """Compare everything with the lines; `more` are checks of other domains. Uses two connections and parallel workers
    of PostgreSQL; `gently` uses one connection and one core.
    """
    began = time.perf_counter()
    async with service.snapshot(database) as session:
        await prepare(session, gently=gently)
        at, lines_found = (await session.execute(select(func.now(), func.count()).select_from(Line))).one()
        waiting = await posting.pending_adjustments(session)
        found = await _find_all(database, session, (*CHECKS, *more), gently=gently)
    verification = Verification(
        at=at,
        seconds=round(time.perf_counter() - began, 3),
        lines=lines_found,
        waiting_lines=len(waiting),
        counts={what: count for what, (count, _) in found.items() if count},
        differences=[one for _, named in found.values() for one in named],
    )
    await _note(database, verification)
    return verification


async def _find_all(
    database: Database, session: ReadSession, checks: Sequence[Check], *, gently: bool
) -> dict[str, tuple[int, list[Difference]]]:
    """Run the checks two at a time (`gently`: one), all in the snapshot of `session`. Returns the results in the order
    of `checks`.
    """
    snapshot = await session.scalar(select(func.pg_export_snapshot()))
    found: dict[str, tuple[int, list[Difference]]] = {}
    queue = deque(sorted(checks, key=lambda check: check.what not in SLOWEST))

    async def work(session: ReadSession) -> None:
        while queue:
            check = queue.popleft()
            found[check.what] = await find(session, check)

    async def work_beside() -> None:
        async with service.snapshot(database) as beside:
            await beside.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
            await prepare(beside)
            await work(beside)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work(session))
        if not gently:
            tasks.create_task(work_beside())
    return {check.what: found[check.what] for check in checks}


async def prepare(session: AsyncSession, *, gently: bool = False) -> None:
    """Set memory for hashing (sorting takes twice the time) and UTC for this transaction. `gently`: without parallel
    workers.
    """
    if gently:
        await session.execute(text("SELECT set_config('max_parallel_workers_per_gather', '0', true)"))
    await session.execute(
        text(
            "SELECT set_config('work_mem', '128MB', true), set_config('enable_mergejoin', 'off', true),"
            " set_config('timezone', 'UTC', true)"
        )
    )


async def find(session: AsyncSession, check: Check) -> tuple[int, list[Difference]]:
    """Return the number of differences of one kind, and the first `MOST`."""
    rows = await session.execute(
        text(
            f"""
            SELECT key, stored, expected, count(*) OVER () AS found FROM ({check.query}) AS wrong LIMIT {MOST}
            """  # noqa: S608  (our own names)
        ).columns(key=JSONB, stored=JSONB, expected=JSONB),
        await parameters(session, check),
    )
    count, differences = 0, list[Difference]()
    for row in rows:
        count = row.found
        differences.append(Difference(check.what, row.key, *only_different(row.stored, row.expected)))
    return count, differences


async def parameters(session: AsyncSession, check: Check) -> dict[str, Any]:
    """Return the parameters of the check's query."""
    return {} if check.parameters is None else dict(await check.parameters(session))


def only_different(one: Any, other: Any) -> tuple[Any, Any]:
    """Of two rows, the columns that differ; all of a row that has no other."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one, other
    row, second = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
    names = [name for name in row if row[name] != second.get(name)]
    return {name: row[name] for name in names}, {name: second.get(name) for name in names}


async def _note(database: Database, verification: Verification) -> None:
    async with database.write() as session:
        await session.execute(
            insert(LedgerVerification).values(
                at=verification.at,
                seconds=verification.seconds,
                lines=verification.lines,
                differences=verification.total,
            )
        )
