"""A worker whose packets to the database vanish: connections stay open and unanswered."""

import asyncio
import time
from contextlib import asynccontextmanager

from sqlalchemy import make_url

from daybook.db.engine import Database
from daybook.jobs import JobContext, JobType
from daybook.jobs.worker import Worker
from support.jobs.jobs import leave


class Line:
    """A proxy to the database that can drop packets silently."""

    def __init__(self, url):
        self._url = make_url(url)
        self.works = asyncio.Event()
        self.works.set()

    @asynccontextmanager
    async def open(self):
        """The database's URL through the proxy."""
        server = await asyncio.start_server(self._connect, "127.0.0.1")
        near = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "query": {}}
        try:
            yield self._url.set(**near).render_as_string(hide_password=False)
        finally:
            server.close()

    async def _connect(self, reader, writer):
        await self.works.wait()
        where = self._url.query
        far_reader, far_writer = await asyncio.open_unix_connection(
            f"{where['host']}/.s.PGSQL.{where['port']}"
        )
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))

    async def _carry(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.works.wait()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


async def test_a_worker_that_is_cut_off_stops_before_another_goes_on_and_works_again_afterwards(jobs):
    began, stopped = [], []

    async def run(context: JobContext):
        began.append(time.monotonic())
        try:
            for number in range(1000 if context.attempt == 1 else 1):
                await context.progress(number / 1000)
                await asyncio.sleep(0.1)
        finally:
            stopped.append(time.monotonic())

    async def plain(context: JobContext):
        await leave(context, "done")

    line, stop = Line(jobs.url), asyncio.Event()
    async with line.open() as url:
        database = Database.connect(url, pool=4)
        far = Worker(database, url, [JobType("slow", run), JobType("plain", plain)], 1)
        working = asyncio.create_task(far.work(stop))
        job_id = await jobs.enqueue("slow")
        while not began:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        line.works.clear()
        cut_at = time.monotonic()
        async with jobs.worker(JobType("slow", run)):
            job = await jobs.until(job_id, "success")
        assert job.attempts == 2
        assert stopped[0] < began[1] < cut_at + 15

        line.works.set()
        await jobs.until(await jobs.enqueue("plain"), "success")
        stop.set()
        await asyncio.wait_for(working, 10)
        await database.close()
