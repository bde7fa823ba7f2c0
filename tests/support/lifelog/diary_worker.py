"""A worker that writes pages, to be killed meanwhile (`support.processes.forks`)."""

import asyncio
from pathlib import Path

from daybook import tables as _tables
from daybook.db.engine import Database
from daybook.gateway.internal import is_lasting, open_internal_client
from daybook.jobs.worker import Worker
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.diary.jobs import job_types
from daybook.settings import Settings
from daybook.storage.service import open_store

assert _tables.metadata  # jobs refer to users, whose table must be known


async def main(url: str, data: str) -> None:
    database = Database.connect(url, pool=6)
    settings = Settings.model_validate({"data": Path(data), "diary_model": "author", "diary_context": 2048})
    async with open_internal_client(settings, database, url) as internal_client:
        services = WorkerServices(
            database=database, store=open_store(settings), internal_client=internal_client, settings=settings
        )
        await Worker(database, url, job_types(services), 1, is_lasting).work(asyncio.Event())
