"""Periodic verification, by one worker at a time and gently."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select

from daybook.db.engine import Database, ReadSession, WriteSession
from daybook.kit.clock import now
from daybook.kit.loops import every
from daybook.ledger.verification.checks import Check
from daybook.ledger.verification.models import LedgerVerification
from daybook.ledger.verification.schemas import LedgerState, Verification
from daybook.ledger.verification.verify import verify

log = logging.getLogger(__name__)

AFTER_START = 300.0
"""Seconds before a worker's first check: a Daybook that has just started has other work."""

_CHECKS = 600.0  # seconds between checks whether a verification is due
_LOCK = 0x6C656467657256  # an advisory lock of PostgreSQL, for one verification at a time


async def keep_verified(
    database: Database, hours: float, stop: asyncio.Event, more: Sequence[Check] = ()
) -> None:
    """Verify the ledger until `stop` if the last verification is `hours` old; never if `hours` is 0."""
    if not hours:
        return

    async def verify_again() -> None:
        await verify_if_due(database, timedelta(hours=hours), more)

    await every(_CHECKS, verify_again, stop, "Verifying the ledger", first=AFTER_START)


async def verify_if_due(
    database: Database, every: timedelta, more: Sequence[Check] = ()
) -> Verification | None:
    """Verify if the last verification is `every` old and no other worker verifies now. Store and log the result."""
    async with database.write() as session:  # the lock is held as long as this transaction
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return None
        last = await session.scalar(select(func.max(LedgerVerification.at)))
        if last is not None and now() - last < every:
            return None
        began = time.perf_counter()
        found = await verify(database, more, gently=True)
    if found.balanced:
        log.info("The ledger balances: %d lines, in %.1f s.", found.lines, time.perf_counter() - began)
    else:
        log.error(
            "The ledger does not balance: %s. 'daybook ledger verify' names each difference.",
            ", ".join(f"{what} {count}" for what, count in found.counts.items()),
        )
    return found


async def ledger_state(session: ReadSession | WriteSession) -> LedgerState:
    """Return the result of the last verification."""
    query = select(LedgerVerification).order_by(LedgerVerification.at.desc()).limit(1)
    last = await session.scalar(query)
    if last is None:
        return LedgerState(balanced=None, differences=None, lines=None, verified_at=None)
    return LedgerState(
        balanced=last.differences == 0, differences=last.differences, lines=last.lines, verified_at=last.at
    )
