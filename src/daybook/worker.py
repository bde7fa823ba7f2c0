"""`daybook worker`: background jobs and periodic work. Any number of workers may run."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

import asyncpg

from daybook.assistant import service as assistant
from daybook.assistant import verification
from daybook.db.engine import Database, asyncpg_dsn
from daybook.gateway.internal import is_lasting, open_internal_client
from daybook.jobs import JobType
from daybook.jobs.job_attempt import TRACE
from daybook.jobs.maintenance import keep_maintained
from daybook.jobs.worker import Worker
from daybook.kit.clock import now
from daybook.kit.loops import every
from daybook.kit.process import on_stop_signal, require_database, run_process
from daybook.ledger.budgets import events as budgets
from daybook.ledger.outbox.delivery import deliver
from daybook.ledger.outbox.handlers import Handlers
from daybook.ledger.partitions import make_partition, month_of
from daybook.ledger.retention import retain
from daybook.ledger.verification.routine import keep_verified
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.diary import jobs as diary
from daybook.lifelog.diary.schedule import keep_refreshed
from daybook.lifelog.events import jobs as events
from daybook.lifelog.media.service import limitations
from daybook.lifelog.recordings import jobs as recordings
from daybook.lifelog.recordings import removal
from daybook.lifelog.uploads.sweeping import keep_swept
from daybook.settings import Settings
from daybook.storage.service import open_store

log = logging.getLogger(__name__)

EVERY, AFTER_FAILURE = 3600.0, 15.0  # seconds
AHEAD = timedelta(days=35)  # so that a partition exists before its month begins
JOB_TYPES: Sequence[Callable[[WorkerServices], list[JobType]]] = [
    diary.job_types,
    events.job_types,
    recordings.job_types,
]
"""The job types of each domain."""


async def make_months(url: str) -> None:
    """Create the call logs' partitions of this month and the next."""
    connection = await asyncpg.connect(asyncpg_dsn(url), timeout=10)
    try:
        for month in sorted({month_of(now()), month_of(now() + AHEAD)}):
            await make_partition(connection, month)
    finally:
        await connection.close()


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Do jobs and periodic work until `stop`. An unavailable database is retried.

    Raises `Unavailable` if no database is configured.
    """
    url = require_database(settings.database_url)
    for sentence in await asyncio.to_thread(limitations):
        log.warning("%s", sentence)
    # A job uses up to two connections and one for its progress; the other work shares four.
    database = Database.connect(url, pool=4 + 3 * settings.worker_jobs)
    try:
        async with (
            open_internal_client(settings, database, url) as internal_client,
            asyncio.TaskGroup() as duties,
        ):
            services = WorkerServices(
                database=database,
                store=open_store(settings),
                internal_client=internal_client,
                settings=settings,
            )
            jobs = Worker(
                database,
                url,
                [job_type for job_types in JOB_TYPES for job_type in job_types(services)],
                settings.worker_jobs,
                is_lasting,
            )
            duties.create_task(jobs.work(stop), name="jobs")
            duties.create_task(keep_maintained(database, stop), name="jobs in order")
            duties.create_task(keep_refreshed(database, stop), name="diaries")
            duties.create_task(_keep_months(url, stop), name="months")
            duties.create_task(deliver(database, _handlers(services), stop), name="outbox")
            duties.create_task(keep_swept(services, stop), name="uploads")
            duties.create_task(retain(database, settings.keep_calls_days, stop), name="retention")
            duties.create_task(
                keep_verified(database, settings.verify_hours, stop, verification.CHECKS), name="verification"
            )
    finally:
        await database.close()


def _handlers(services: WorkerServices) -> Handlers:
    """The handlers of outbox events."""
    return Handlers([*assistant.HANDLERS, budgets.HANDLER, *removal.handlers(services.store)])


async def _keep_months(url: str, stop: asyncio.Event) -> None:
    await every(EVERY, lambda: make_months(url), stop, "Creating partitions", after_failure=AFTER_FAILURE)


async def _work_until_signal(settings: Settings) -> None:
    for handler in logging.getLogger().handlers:
        handler.addFilter(_add_trace)
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    await work(settings, stop)


def run(settings: Settings) -> None:
    """Work in this process until SIGINT or SIGTERM."""
    run_process(settings.log_level, _work_until_signal(settings), origin="%(name)s%(trace)s")


def _add_trace(record: logging.LogRecord) -> bool:
    """Add the trace of a job to the log lines of its work. The ledger's lines have the same trace."""
    trace = TRACE.get()
    record.trace = f" [{trace}]" if trace else ""
    return True
