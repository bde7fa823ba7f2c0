"""A worker that asks a model for one step of a job, to be killed meanwhile (`support.forks`)."""

from pathlib import Path
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.house import open_house
from daybook.settings import Settings
from support.inside import ask


async def main(url: str, data: str, sync: str, job_id: str, step: str) -> None:
    database = Database.connect(url, pool=2)
    try:
        settings = Settings.model_validate({"data": Path(data), "journal_sync": sync})
        async with open_house(settings, database, url) as house:
            await house.call(ask(), step=(UUID(job_id), step))
    finally:
        await database.close()
