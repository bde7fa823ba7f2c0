"""Retention of call logs: whole months are dropped. The lines of the ledger stay.

A month is dropped in one transaction with its record (`pruned_months`), so that `verify` knows whose logs are gone.
Dropping needs an exclusive lock on the call logs. It is requested with a short timeout: all later requests queue behind
a waiting one.
"""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from daybook.db.engine import Database
from daybook.kit.clock import now
from daybook.kit.loops import every
from daybook.ledger.idempotency import IdempotencyStore

log = logging.getLogger(__name__)

TRIES = 40
"""Attempts at a month before it is left for another day."""

_EVERY, _AFTER_FAILURE = 3600.0, 60.0  # seconds
_PATIENCE_MS = 150  # how long writers may have to wait behind us
_PAUSE = 0.5  # seconds between two tries, about
_RETRYABLE = frozenset({"55P03", "40P01"})  # no lock in time, a deadlock
_GONE = "42P01"  # pruned by another process meanwhile


class Fate(StrEnum):
    """The outcome for a month that begins before the cut-off."""

    PRUNED = "pruned"
    WOULD_BE_PRUNED = "would be pruned"
    PARTLY_OLDER = "stays: only partly older"
    IN_USE = "stays: in use, try again later"


@dataclass(frozen=True, slots=True)
class Month:
    """A month of call logs. `bytes` are those on disk, with indexes and payloads."""

    month: date
    rows: int
    bytes: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Pruning:
    """The result of `prune`, oldest month first; without months that begin after the cut-off."""

    cutoff: datetime
    months: list[Month]


@dataclass(frozen=True, slots=True)
class _Partition:
    name: str
    first: datetime
    until: datetime


async def prune(database: Database, cutoff: datetime, *, dry_run: bool = False) -> Pruning:
    """Drop the months of call logs that lie wholly before `cutoff`; with `dry_run` only list them.

    Months are those of UTC. A month in use the whole time (by an export, say) stays and is listed.
    """
    async with database.engine.connect() as connection:
        partitions = [partition for partition in await _partitions(connection) if partition.first < cutoff]
    months: list[Month] = []
    for partition in partitions:
        try:
            months.append(await _treat(database, partition, cutoff, dry_run=dry_run))
        except DBAPIError as problem:
            if _sqlstate(problem) != _GONE:
                raise
    return Pruning(cutoff, months)


async def _treat(database: Database, partition: _Partition, cutoff: datetime, *, dry_run: bool) -> Month:
    if partition.until > cutoff:
        return await _look(database, partition, Fate.PARTLY_OLDER)
    if dry_run:
        return await _look(database, partition, Fate.WOULD_BE_PRUNED)
    pruned = await _drop_patiently(database, partition)
    return pruned or await _look(database, partition, Fate.IN_USE)


async def retain(database: Database, keep_days: int | None, stop: asyncio.Event) -> None:
    """Every hour until `stop`: forget old idempotency keys, and drop call logs older than `keep_days` (None: keep
    all).
    """

    async def remove_old() -> None:
        await IdempotencyStore(database).sweep()
        if keep_days is not None:
            _tell(await prune(database, now() - timedelta(days=keep_days)))

    await every(_EVERY, remove_old, stop, "Removing old records", after_failure=_AFTER_FAILURE)


def _tell(pruning: Pruning) -> None:
    for month in pruning.months:
        if month.fate is not Fate.PARTLY_OLDER:
            log.info("Call logs of %s (%d calls): %s.", f"{month.month:%Y-%m}", month.rows, month.fate)


async def _partitions(connection: AsyncConnection) -> list[_Partition]:
    """Return the existing months by their bounds in the catalogue. It is read once (materialized): a bound becomes null
    when another process drops its month.
    """
    rows = await connection.execute(
        text(
            """
            WITH months AS MATERIALIZED (
                SELECT relname AS name,
                       regexp_match(pg_get_expr(relpartbound, oid), 'FROM \\(''(.+)''\\) TO \\(''(.+)''\\)') AS bounds
                FROM pg_inherits JOIN pg_class ON oid = inhrelid
                WHERE inhparent = 'llm_call_logs'::regclass AND relname ~ '^llm_call_logs_\\d{4}_\\d\\d$'
            )
            SELECT name, bounds[1]::timestamptz AS first, bounds[2]::timestamptz AS until FROM months
            WHERE bounds IS NOT NULL
            ORDER BY first
            """
        )
    )
    return [_Partition(row.name, row.first, row.until) for row in rows]


async def _look(database: Database, partition: _Partition, fate: Fate) -> Month:
    async with database.engine.connect() as connection:
        return await _measure(connection, partition, fate)


async def _measure(connection: AsyncConnection, partition: _Partition, fate: Fate) -> Month:
    row = await connection.execute(
        text(f"SELECT count(*), pg_total_relation_size('{partition.name}') FROM {partition.name}")  # noqa: S608  (a name of ours)
    )
    rows, size = row.one()
    return Month(partition.first.date(), rows, size, fate)


async def _drop_patiently(database: Database, partition: _Partition) -> Month | None:
    """Drop a month as soon as it is not in use; None if it was in use at every attempt."""
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311  (no secret)
        try:
            async with database.engine.begin() as connection:
                return await _drop(connection, partition)
        except DBAPIError as problem:
            if _sqlstate(problem) not in _RETRYABLE:
                raise
    return None


async def _drop(connection: AsyncConnection, partition: _Partition) -> Month:
    """Count the month, drop it, record that. While rows are counted, only writers to that month wait."""
    await connection.execute(text(f"SET LOCAL lock_timeout = {_PATIENCE_MS}"))
    await connection.execute(text(f"LOCK TABLE {partition.name} IN SHARE MODE"))
    month = await _measure(connection, partition, Fate.PRUNED)
    await connection.execute(text("LOCK TABLE ONLY llm_call_logs IN ACCESS EXCLUSIVE MODE"))
    await connection.execute(text(f"DROP TABLE {partition.name}"))
    await connection.execute(
        text(
            """
            INSERT INTO pruned_months (month, rows, bytes) VALUES (:month, :rows, :bytes)
            ON CONFLICT (month) DO UPDATE
            SET rows = pruned_months.rows + excluded.rows, bytes = pruned_months.bytes + excluded.bytes,
                pruned_at = now()
            """
        ),
        {"month": month.month, "rows": month.rows, "bytes": month.bytes},
    )
    return month


def _sqlstate(problem: DBAPIError) -> str | None:
    return getattr(problem.orig, "sqlstate", None)
