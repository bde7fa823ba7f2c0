"""A worker that writes pages, to be killed meanwhile (`support.forks`)."""

import asyncio
from pathlib import Path

from daybook import tables as _tables
from daybook.db.engine import Database
from daybook.gateway.house import is_lasting, open_house
from daybook.jobs.worker import Worker
from daybook.lifelog.diary.jobs import job_types
from daybook.lifelog.tools import Tools
from daybook.settings import Settings
from daybook.storage.service import open_store

assert _tables.metadata  # jobs refer to users, whose table must be known


async def main(url: str, data: str) -> None:
    database = Database.connect(url, pool=6)
    settings = Settings.model_validate({"data": Path(data), "diary_model": "author", "diary_context": 2048})
    async with open_house(settings, database, url) as house:
        tools = Tools(database=database, store=open_store(settings), house=house, settings=settings)
        await Worker(database, url, job_types(tools), 1, is_lasting).work(asyncio.Event())
