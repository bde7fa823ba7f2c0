"""`repair`: correct totals, counters and rollups. Lines and call logs are never touched.

One transaction, which locks out other writers of lines and totals: calls wait in their journals meanwhile. Changes go
into `ledger_repairs` first, and the statements that mend read them from there.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.db.engine import Database
from daybook.kit.errors import Unavailable
from daybook.ledger.verification.checks import Check
from daybook.ledger.verification.schemas import MOST, Change, Repair
from daybook.ledger.verification.verify import CHECKS, only_different, parameters, prepare, verify

TRIES = 60

_PATIENCE = "5s"  # for the lock on the ledger: requests behind ours wait too, but there is no deadlock
_BRIEFLY = "50ms"  # for the others: so short that only our own transaction can end in a deadlock
_PAUSE = 0.5  # seconds between tries, about
_RETRYABLE = frozenset({"55P03", "40P01", "40001"})  # no lock in time, a deadlock, a conflict


async def repair(database: Database, more: Sequence[Check] = (), *, by: str) -> Repair:
    """Correct everything that can be corrected, and verify. `more` are checks of other domains; `by` is logged.

    Raises `Unavailable` if the tables were in use the whole time.
    """
    checks = [check for check in (*CHECKS, *more) if check.mend]
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311  (no secret)
        try:
            counts, changes = await _repair(database, checks, by)
        except DBAPIError as problem:
            if getattr(problem.orig, "sqlstate", None) not in _RETRYABLE:
                raise
        else:
            return Repair(counts, changes, await verify(database, more))
    raise Unavailable("The totals were in use the whole time, so nothing was changed. Try again later.")


async def _repair(
    database: Database, checks: Sequence[Check], by: str
) -> tuple[dict[str, int], list[Change]]:
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
    async with AsyncSession(engine) as session, session.begin():
        await _keep_others_out(session, checks)
        await prepare(session)
        counts: dict[str, int] = {}
        changes: list[Change] = []
        for check in checks:
            found, made = await _mend(session, check, by)
            if found:
                counts[check.what] = found
                changes += made
    return counts, changes


async def _keep_others_out(session: AsyncSession, checks: Sequence[Check]) -> None:
    """Lock the tables before the snapshot is taken, so that nothing it misses can be committed later."""
    await session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
    await session.execute(text("LOCK TABLE llm_tracker_usage IN SHARE ROW EXCLUSIVE MODE"))
    await session.execute(text(f"SET LOCAL lock_timeout = '{_BRIEFLY}'"))
    tables = dict.fromkeys(("outbox_events", *(table for check in checks for table in check.tables)))
    for table in tables:
        await session.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
    await session.execute(text("SET LOCAL lock_timeout = 0"))


async def _mend(session: AsyncSession, check: Check, by: str) -> tuple[int, list[Change]]:
    """Record the differences and correct them."""
    noted = await session.execute(
        text(
            f"""
            WITH noted AS (
                INSERT INTO ledger_repairs (what, key, before, after, by)
                SELECT '{check.what}', key, stored, expected, :by FROM ({check.query}) AS wrong
                RETURNING id, key, before, after
            )
            SELECT key, before, after, count(*) OVER () AS found, min(id) OVER () AS first FROM noted
            ORDER BY id LIMIT {MOST}
            """  # noqa: S608  (our own names)
        ).columns(key=JSONB, before=JSONB, after=JSONB),
        {"by": by, **await parameters(session, check)},
    )
    rows = noted.all()
    if not rows:
        return 0, []
    for statement in check.mend:
        await session.execute(
            text(
                f"""
                WITH changes AS (
                    SELECT key, before, after FROM ledger_repairs WHERE id >= :first AND what = :what
                )
                {statement}
                """  # noqa: S608  (our own names)
            ),
            {"first": rows[0].first, "what": check.what},
        )
    return rows[0].found, [_change(check, *row[:3]) for row in rows]


def _change(check: Check, key: dict[str, Any], before: Any, after: Any) -> Change:
    return Change(check.what, key, *only_different(before, after))
