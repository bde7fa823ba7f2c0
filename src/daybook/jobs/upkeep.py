"""What keeps jobs and their queue in order: done by every worker once a minute, by one at a time.

The queue's log grows by two rows for each attempt and is read by nobody: a day of it is kept. Steps of jobs that
succeeded are needed by nobody either, but are kept for a month, for whoever asks what was done.
"""

import asyncio
import logging

from sqlalchemy import select, text

from daybook.db.engine import Database, WriteSession
from daybook.jobs import locks, queue, service
from daybook.jobs.models import ACTIVE, Job, JobStatus
from daybook.kit.loops import every

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
_LOCK = 0x6A6F_6273  # "jobs"
_MOST = 500  # jobs that are put in order at a time

_OLD_LOG = text("DELETE FROM pgqueuer_log WHERE created < now() - interval '1 day'")
_OLD_STEPS = text(
    "DELETE FROM job_steps USING inference_jobs AS job WHERE job.id = job_id AND job.status = 'success'"
    " AND job.finished_at < now() - interval '30 days'"
)
_HAS_NO_ENTRY = text("NOT EXISTS (SELECT 1 FROM pgqueuer WHERE pgqueuer.id = inference_jobs.queue_id)")

_IS_SILENT = text(
    "EXISTS (SELECT 1 FROM pgqueuer WHERE pgqueuer.id = inference_jobs.queue_id"
    " AND pgqueuer.heartbeat < clock_timestamp() - CAST(:silence AS interval))"
).bindparams(silence=queue.SILENCE)


async def keep_in_order(database: Database, stop: asyncio.Event) -> None:
    """Keep jobs in order until `stop`. A database that is away is tried again."""
    await every(EVERY, lambda: put_in_order(database), stop, "Upkeep of the jobs")


async def put_in_order(database: Database) -> None:
    """Put them in order once, unless another worker is at it."""
    async with database.write() as session:
        await locks.briefly(session)
        if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
            return
        await session.execute(_OLD_LOG)
        await session.execute(_OLD_STEPS)
        await _end_cancelled(session)
        await _let_wait(session)
        await _put_again(session)


async def _end_cancelled(session: WriteSession) -> None:
    """End jobs whose worker died after it was told to cancel them, while no other may take them over."""
    asked = await session.scalars(
        select(Job)
        .where(Job.status == JobStatus.PROCESSING, Job.cancel_requested_at.is_not(None))
        .with_for_update(skip_locked=True)
        .limit(_MOST)
    )
    for job in asked:
        if not await queue.is_alive(session, job.queue_id):
            await service.end_cancelled(session, job)


async def _let_wait(session: WriteSession) -> None:
    """Nobody is at a job whose worker died and which no other takes over, because its type is paused or all are busy:
    it waits, and says so.
    """
    silent = await session.scalars(
        select(Job)
        .where(Job.status == JobStatus.PROCESSING, _IS_SILENT)
        .with_for_update(skip_locked=True)
        .limit(_MOST)
    )
    for job in silent:
        if await queue.put_back_of_silent(session, job.queue_id):
            job.status = JobStatus.PENDING
            job.phase = None
    await session.flush()


async def _put_again(session: WriteSession) -> None:
    """Put jobs into the queue that have lost their entry: somebody has emptied it."""
    lost = await session.scalars(
        select(Job).where(ACTIVE, _HAS_NO_ENTRY).with_for_update(skip_locked=True).limit(_MOST)
    )
    for job in lost:
        log.warning("Job %s (%s) had lost its place in the queue.", job.id, job.type)
        job.queue_id = await queue.put(session, job.type, job.id)
    await session.flush()
