"""Jobs for tests: types whose work leaves rows in a table, and a worker in this process."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import text

from daybook.db.engine import Database
from daybook.jobs import JobContext, JobType, service
from daybook.jobs.models import Job
from daybook.jobs.worker import Worker
from support.databases.copies import Databases


class Jobs:
    """The jobs of a database, with a table `work` in which the tests' work leaves what it did."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.url = url

    async def prepare(self) -> None:
        await self.sql(
            "CREATE TABLE work (id SERIAL, job UUID, what TEXT, pid INTEGER, at TIMESTAMPTZ DEFAULT clock_timestamp())"
        )

    async def enqueue(self, job_type: str, **more: Any) -> UUID:
        async with self.database.write() as session:
            enqueued = await service.enqueue(session, type=job_type, **{"input_type": "test", **more})
            return enqueued.job.id

    async def job(self, job_id: UUID) -> Job:
        async with self.database.read() as session:
            return await service.get(session, job_id)

    async def cancel(self, job_id: UUID) -> Job:
        async with self.database.write() as session:
            return await service.cancel(session, job_id)

    async def retry(self, job_id: UUID) -> Job:
        async with self.database.write() as session:
            return await service.retry(session, job_id)

    async def until(self, job_id: UUID, *statuses: str, within: float = 20) -> Job:
        """The job, once it has one of `statuses`."""
        give_up = time.monotonic() + within
        while True:
            job = await self.job(job_id)
            if job.status in statuses:
                return job
            assert time.monotonic() < give_up, (job.status, job.attempts, job.error_code, job.error_message)
            await asyncio.sleep(0.02)

    async def until_done(self, job_id: UUID, what: str, within: float = 20) -> None:
        """Wait for work that says `what`."""
        give_up = time.monotonic() + within
        while what not in await self.done(job_id):
            assert time.monotonic() < give_up, await self.done(job_id)
            await asyncio.sleep(0.02)

    async def done(self, job_id: UUID) -> list[str]:
        """What was done for the job, in order."""
        rows = await self.sql("SELECT what FROM work WHERE job = :job ORDER BY id", job=job_id)
        return [row["what"] for row in rows]

    async def entries(self) -> int:
        """How many entries the queue has."""
        (row,) = await self.sql("SELECT count(*) AS count FROM pgqueuer")
        return row["count"]

    async def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        async with self.database.write() as session:
            result = await session.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    @contextlib.asynccontextmanager
    async def worker(self, *types: JobType, slots: int = 4) -> AsyncIterator[Worker]:
        """A worker in this process, stopped at the end as by SIGTERM."""
        stop = asyncio.Event()
        worker = Worker(self.database, self.url, types, slots)
        task = asyncio.create_task(worker.work(stop))
        try:
            yield worker
        finally:
            stop.set()
            await asyncio.wait_for(task, 30)


async def leave(context: JobContext, what: str, pid: int | None = None) -> None:
    """Leave a row, whoever the job belongs to by now: what really happened."""
    async with context.database.write() as session:
        await session.execute(
            text("INSERT INTO work (job, what, pid) VALUES (:job, :what, :pid)"),
            {"job": context.job_id, "what": what, "pid": pid},
        )


def raising(*problems: BaseException | None, **options: Any) -> JobType:
    """A type whose first attempts raise what is given, and whose last one ends well where that is None."""
    left: list[BaseException | None] = list(problems)

    async def run(context: JobContext) -> None:
        await leave(context, f"attempt {context.attempt}")
        if (problem := left.pop(0)) is not None:
            raise problem

    return JobType("raising", run, **{"first_pause": 0.05, **options})


@contextlib.asynccontextmanager
async def new_jobs(databases: Databases) -> AsyncIterator[Jobs]:
    """The jobs of one more fresh database."""
    async with databases.copy() as url:
        database = Database.connect(url, pool=2)
        jobs = Jobs(database, url)
        await jobs.prepare()
        yield jobs
        await database.close()


@contextlib.asynccontextmanager
async def away(jobs: Jobs, databases: Databases) -> AsyncIterator[None]:
    """Every connection to the database is cut, and new ones are refused."""
    ((name,),) = [row.values() for row in await jobs.sql("SELECT current_database()")]
    async with databases.admin.connect() as admin:
        await admin.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        await admin.execute(cut, {"name": name})
        yield
        await admin.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
