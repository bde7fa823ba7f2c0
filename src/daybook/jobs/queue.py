"""The queue: pgqueuer's tables and statements, and our own statements that it lacks.

pgqueuer enqueues in its connection's transaction, picks entries (oldest first, within each type's concurrency, each by
one worker, also those of silent workers) and notifies listeners. Its later writes name the entry only, not the worker.
So heartbeats, requeuing and removal are ours: the first two name the worker, and the remover holds the job's record.
"""

from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter
from sqlalchemy import text

from daybook.db.engine import WriteSession, driver_connection

SILENCE = timedelta(seconds=8)
"""A worker without a heartbeat for this long loses its jobs."""


def names() -> DBSettings:
    """The names of pgqueuer's objects. All are given, as it looks for missing ones in the environment."""
    return DBSettings(
        prefix="",
        db_schema=None,
        channel=Channel("ch_pgqueuer"),
        function="fn_pgqueuer_changed",
        statistics_table="pgqueuer_statistics",
        queue_status_type="pgqueuer_status",
        queue_table="pgqueuer",
        queue_table_log="pgqueuer_log",
        trigger="tg_pgqueuer_changed",
        schedules_table="pgqueuer_schedules",
        durability=Durability.durable,
        widen_id=True,
    )


NAMES: Final = names()
CHANNEL: Final = str(NAMES.channel)
TABLES: Final = frozenset(
    {NAMES.queue_table, NAMES.queue_table_log, NAMES.schedules_table, NAMES.statistics_table}
)
"""Tables of pgqueuer, which have no models here."""

NEWS: Final = "daybook_jobs"
"""The channel of our notifications to workers: `look` (a job may start), `beat` (a running job is to be cancelled)."""


class Entry(NamedTuple):
    """A queue entry that this worker has picked."""

    id: int
    type: str
    job_id: UUID


class Held(NamedTuple):
    """An entry that this worker still has."""

    id: int
    is_to_be_cancelled: bool


def queries(connection: "asyncpg.Connection") -> Queries:
    """Pgqueuer's statements, in the current transaction of `connection`."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(NAMES),
        qbq=QueryQueueBuilder(NAMES),
        qbs=QuerySchedulerBuilder(NAMES),
    )


async def put(session: WriteSession, job_type: str, job_id: UUID) -> int:
    """Add a job to the queue in the transaction of `session`. Returns the entry's id.

    `session` must have executed a statement: before it there is no transaction, and statements that bypass SQLAlchemy
    would be committed at once.
    """
    (entry,) = await queries(await driver_connection(session)).enqueue(job_type, job_id.bytes)
    return int(entry)


async def pick(links: Queries, worker: UUID, limits: dict[str, int], most: int) -> list[Entry]:
    """Pick up to `most` entries that may start within `limits`, the concurrency of each type over all workers.

    This takes entries of silent workers over. It picks nothing if another worker was faster.
    """
    rows = await links.dequeue(
        batch_size=most,
        entrypoints={
            QueueEntrypoint(name): EntrypointExecutionParameter(concurrency_limit=limit)
            for name, limit in limits.items()
        },
        queue_manager_id=QueueManagerId(worker),
        global_concurrency_limit=None,
        heartbeat_timeout=SILENCE,
    )
    return [Entry(int(row.id), row.entrypoint, _job_of(row.payload)) for row in rows]


def _job_of(payload: bytes | None) -> UUID:
    """The job of an entry. A foreign entry gets an id without a job, and is removed for it."""
    return (
        UUID(bytes=payload) if payload is not None and len(payload) == len(_NO_JOB) else UUID(bytes=_NO_JOB)
    )


_NO_JOB = bytes(16)
_BEAT = """
WITH free AS (
    SELECT id FROM pgqueuer
    WHERE id = ANY($1::bigint[]) AND queue_manager_id = $2 AND status = 'picked'
    FOR NO KEY UPDATE SKIP LOCKED
), beat AS (
    UPDATE pgqueuer SET heartbeat = clock_timestamp() FROM free WHERE pgqueuer.id = free.id
)
SELECT entry.id, job.cancel_requested_at IS NOT NULL
FROM pgqueuer AS entry JOIN inference_jobs AS job ON job.queue_id = entry.id
WHERE entry.id = ANY($1::bigint[]) AND entry.queue_manager_id = $2 AND entry.status = 'picked'
    AND job.id = ANY($3::uuid[])
"""


async def beat(connection: "asyncpg.Connection", worker: UUID, entries: list[Entry]) -> list[Held]:
    """Send the worker's heartbeat. Returns the `entries` that it still has; the others are taken over or ended.

    It skips locked entries (`locks`), which count as the worker's for one more round.
    """
    rows = await connection.fetch(
        _BEAT, [entry.id for entry in entries], worker, [entry.job_id for entry in entries]
    )
    return [Held(*row) for row in rows]


async def is_picked_by(session: WriteSession, entry_id: int, worker: UUID) -> bool:
    """True if the worker has the entry. Then it keeps it until the transaction ends."""
    query = text(
        "SELECT 1 FROM pgqueuer WHERE id = :id AND queue_manager_id = :worker AND status = 'picked' FOR SHARE"
    )
    return await session.scalar(query, {"id": entry_id, "worker": worker}) is not None


async def is_alive(session: WriteSession, entry_id: int | None) -> bool:
    """True if a worker with a recent heartbeat has the entry. The entry is not locked."""
    query = text(
        "SELECT 1 FROM pgqueuer WHERE id = :id AND status = 'picked'"
        " AND heartbeat > clock_timestamp() - CAST(:silence AS interval)"
    )
    return await session.scalar(query, {"id": entry_id, "silence": SILENCE}) is not None


async def remove(session: WriteSession, entry_id: int | None) -> None:
    """Remove an entry. The caller holds its job's record."""
    await session.execute(text("DELETE FROM pgqueuer WHERE id = :id"), {"id": entry_id})


async def requeue(session: WriteSession, entry_id: int, worker: UUID, pause: timedelta) -> None:
    """Return the entry to the queue for any worker, after `pause`."""
    await session.execute(
        text(
            "UPDATE pgqueuer SET status = 'queued', queue_manager_id = NULL, slot = NULL, attempts = attempts + 1,"
            " updated = now(), execute_after = clock_timestamp() + CAST(:pause AS interval)"
            " WHERE id = :id AND queue_manager_id = :worker"
        ),
        {"id": entry_id, "worker": worker, "pause": pause},
    )
    await notify(session, "look")  # pgqueuer notifies of inserts and deletes only


async def requeue_silent(session: WriteSession, entry_id: int | None) -> bool:
    """Return the entry to the queue if its worker is silent. False if it is not."""
    query = text(
        "UPDATE pgqueuer SET status = 'queued', queue_manager_id = NULL, slot = NULL, updated = now()"
        " WHERE id = :id AND status = 'picked' AND heartbeat < clock_timestamp() - CAST(:silence AS interval)"
        " RETURNING id"
    )
    return await session.scalar(query, {"id": entry_id, "silence": SILENCE}) is not None


async def notify(session: WriteSession, news: str) -> None:
    """Notify every worker on commit."""
    await session.execute(text("SELECT pg_notify(:channel, :news)"), {"channel": NEWS, "news": news})
