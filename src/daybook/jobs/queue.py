"""The queue: pgqueuer's tables and statements, and those of our own that it lacks.

pgqueuer enqueues in whatever transaction its connection has, picks entries (the oldest first, so many of a type at a
time over all workers, each by one worker, and those whose worker has not been heard of), and tells listeners. What it
writes afterwards it writes by the entry's id alone, whoever has the entry by then. So heartbeats, giving back and
removal are ours: the first two name the worker too, and an entry is removed by who has its job's record locked.
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

from daybook.db.engine import WriteSession

SILENCE = timedelta(seconds=8)
"""A worker that has not been heard of for so long has lost its jobs."""


def names() -> DBSettings:
    """What things are called. All is said, for what is not is looked for in the environment."""
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
"""pgqueuer's, which have no models here."""

NEWS: Final = "daybook_jobs"
"""The channel on which workers are told what pgqueuer's does not: `look` (something may start), `beat` (a job that
runs is to be cancelled).
"""


class Entry(NamedTuple):
    """An entry of the queue that this worker has picked."""

    id: int
    type: str
    job_id: UUID


class Held(NamedTuple):
    """An entry that is still this worker's."""

    id: int
    is_to_be_cancelled: bool


def queries(connection: "asyncpg.Connection") -> Queries:
    """The statements of pgqueuer on `connection`, in the transaction that it has."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(NAMES),
        qbq=QueryQueueBuilder(NAMES),
        qbs=QuerySchedulerBuilder(NAMES),
    )


async def put(session: WriteSession, job_type: str, job_id: UUID) -> int:
    """Put a job into the queue, in the transaction of `session`; the entry's id.

    `session` must have written something: before its first statement there is no transaction, and what goes past
    SQLAlchemy would be committed at once.
    """
    connection = await (await session.connection()).get_raw_connection()
    (entry,) = await queries(connection.driver_connection).enqueue(job_type, job_id.bytes)  # pyright: ignore[reportArgumentType]
    return int(entry)


async def pick(links: Queries, worker: UUID, limits: dict[str, int], most: int) -> list[Entry]:
    """Take up to `most` entries that may start: of each type so many, over all workers, that its limit is kept.

    Entries whose worker has been silent come back this way. Nothing is taken when another worker is quicker.
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
    """The job of an entry; of one that is not ours no job there is, and so it is removed."""
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
    """Say that the worker lives; which of `entries` it still has. The others are another's, or their job has ended.

    It waits for nobody (`locks`): an entry that somebody is about to change counts as the worker's once more.
    """
    rows = await connection.fetch(
        _BEAT, [entry.id for entry in entries], worker, [entry.job_id for entry in entries]
    )
    return [Held(*row) for row in rows]


async def is_picked_by(session: WriteSession, entry_id: int, worker: UUID) -> bool:
    """Whether the entry is this worker's; if so it stays so until the transaction ends."""
    query = text(
        "SELECT 1 FROM pgqueuer WHERE id = :id AND queue_manager_id = :worker AND status = 'picked' FOR SHARE"
    )
    return await session.scalar(query, {"id": entry_id, "worker": worker}) is not None


async def is_alive(session: WriteSession, entry_id: int | None) -> bool:
    """Whether a worker that has been heard of lately has the entry. It is not kept from saying so again."""
    query = text(
        "SELECT 1 FROM pgqueuer WHERE id = :id AND status = 'picked'"
        " AND heartbeat > clock_timestamp() - CAST(:silence AS interval)"
    )
    return await session.scalar(query, {"id": entry_id, "silence": SILENCE}) is not None


async def remove(session: WriteSession, entry_id: int | None) -> None:
    """Take an entry out, whoever has it: the caller holds its job's record."""
    await session.execute(text("DELETE FROM pgqueuer WHERE id = :id"), {"id": entry_id})


async def put_back(session: WriteSession, entry_id: int, worker: UUID, pause: timedelta) -> None:
    """Let the entry wait again, for `pause` at least, for whatever worker."""
    await session.execute(
        text(
            "UPDATE pgqueuer SET status = 'queued', queue_manager_id = NULL, slot = NULL, attempts = attempts + 1,"
            " updated = now(), execute_after = clock_timestamp() + CAST(:pause AS interval)"
            " WHERE id = :id AND queue_manager_id = :worker"
        ),
        {"id": entry_id, "worker": worker, "pause": pause},
    )
    await tell(session, "look")  # pgqueuer tells of entries that come and go only


async def put_back_of_silent(session: WriteSession, entry_id: int | None) -> bool:
    """Let an entry wait again whose worker has not been heard of; False where it is not such a one."""
    query = text(
        "UPDATE pgqueuer SET status = 'queued', queue_manager_id = NULL, slot = NULL, updated = now()"
        " WHERE id = :id AND status = 'picked' AND heartbeat < clock_timestamp() - CAST(:silence AS interval)"
        " RETURNING id"
    )
    return await session.scalar(query, {"id": entry_id, "silence": SILENCE}) is not None


async def tell(session: WriteSession, news: str) -> None:
    """Tell every worker when the transaction is committed."""
    await session.execute(text("SELECT pg_notify(:channel, :news)"), {"channel": NEWS, "news": news})
