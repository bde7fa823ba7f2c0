"""A worker that asks a model for one step of a job, to be killed meanwhile (`support.processes.forks`)."""

from pathlib import Path
from uuid import UUID

from daybook.db.engine import Database
from daybook.gateway.internal import open_internal_client
from daybook.settings import Settings
from support.gateway.internal_calls import ask


async def main(url: str, data: str, sync: str, job_id: str, step: str) -> None:
    database = Database.connect(url, pool=2)
    try:
        settings = Settings.model_validate({"data": Path(data), "journal_sync": sync})
        async with open_internal_client(settings, database, url) as internal_client:
            await internal_client.call(ask(), step=(UUID(job_id), step))
    finally:
        await database.close()
