"""Maintenance of jobs and their queue: every worker does it once a minute, one at a time.

The queue's log, two rows per attempt, is kept for a day. Steps of succeeded jobs are kept for a month.
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
_MOST = 500  # jobs per round

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


async def keep_maintained(database: Database, stop: asyncio.Event) -> None:
    """Maintain jobs until `stop`."""
    await every(EVERY, lambda: maintain(database), stop, "Maintenance of jobs")


async def maintain(database: Database) -> None:
    """Do one round, unless another worker is doing one."""
    async with database.write() as session:
        await locks.limit_idle(session)
        if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
            return
        await session.execute(_OLD_LOG)
        await session.execute(_OLD_STEPS)
        await _end_cancelled(session)
        await _requeue_silent(session)
        await _restore_entries(session)


async def _end_cancelled(session: WriteSession) -> None:
    """End cancelled jobs whose worker died, if no other takes them over."""
    asked = await session.scalars(
        select(Job)
        .where(Job.status == JobStatus.PROCESSING, Job.cancel_requested_at.is_not(None))
        .with_for_update(skip_locked=True)
        .limit(_MOST)
    )
    for job in asked:
        if not await queue.is_alive(session, job.queue_id):
            await service.end_cancelled(session, job)


async def _requeue_silent(session: WriteSession) -> None:
    """Set jobs of dead workers to pending if no worker takes them over: their type is paused, or all are busy."""
    silent = await session.scalars(
        select(Job)
        .where(Job.status == JobStatus.PROCESSING, _IS_SILENT)
        .with_for_update(skip_locked=True)
        .limit(_MOST)
    )
    for job in silent:
        if await queue.requeue_silent(session, job.queue_id):
            job.status = JobStatus.PENDING
            job.phase = None
    await session.flush()


async def _restore_entries(session: WriteSession) -> None:
    """Enqueue active jobs again whose entry is gone, because the queue was emptied."""
    lost = await session.scalars(
        select(Job).where(ACTIVE, _HAS_NO_ENTRY).with_for_update(skip_locked=True).limit(_MOST)
    )
    for job in lost:
        log.warning("Job %s (%s) had no entry in the queue; it is queued again.", job.id, job.type)
        job.queue_id = await queue.put(session, job.type, job.id)
    await session.flush()
