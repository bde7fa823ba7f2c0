"""Somebody's lifelog as the worker sees it: footage is taken in, and the jobs of events are done in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from daybook.accounts import service as accounts
from daybook.accounts.models import User
from daybook.accounts.schemas import UserUpdate
from daybook.gateway.internal import is_lasting, open_internal_client
from daybook.gateway.providers.vault import Vault
from daybook.jobs import service as jobs
from daybook.jobs.models import Job
from daybook.jobs.worker import Worker
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.events.jobs import job_types
from daybook.lifelog.events.models import Event
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.recordings.models import RecordingFile
from daybook.settings import Settings
from daybook.storage.service import open_store


@dataclass(slots=True)
class Lifelog:
    """A person, their footage and its events."""

    services: WorkerServices
    url: str
    user: User

    async def ingest(self, path: Path, name: str, start_time: datetime | None = None) -> UUID:
        """Make a video a recording; its jobs wait for `work`."""
        taken = await recordings.ingest(self.services, self.user.id, path, name)
        if start_time is not None:
            async with self.services.database.write() as session:
                body = recordings.RecordingUpdate(start_time=start_time)
                await recordings.change(session, self.user, taken.recording_id, body)
        return taken.recording_id

    async def work(self, *job_ids: UUID, within: float = 60) -> list[Job]:
        """Do jobs of events (all that wait, unless some are named) until they have ended."""
        wanted = job_ids or tuple(await self.waiting())
        stop = asyncio.Event()
        worker = Worker(self.services.database, self.url, job_types(self.services), 2, is_lasting)
        task = asyncio.create_task(worker.work(stop))
        try:
            async with asyncio.timeout(within):
                while True:
                    found = [await self.job(job_id) for job_id in wanted]
                    if all(job.status not in {"pending", "processing"} for job in found):
                        return found
                    await asyncio.sleep(0.05)
        finally:
            stop.set()
            await task

    async def waiting(self) -> list[UUID]:
        async with self.services.database.read() as session:
            types = ("event_extraction", "event_description")
            query = select(Job.id).where(Job.type.in_(types), Job.status.in_(("pending", "processing")))
            return list(await session.scalars(query))

    async def job(self, job_id: UUID) -> Job:
        async with self.services.database.read() as session:
            return await jobs.get(session, job_id)

    async def events(self) -> list[Event]:
        """All events of the person, in order."""
        async with self.services.database.read() as session:
            query = select(Event).where(Event.user_id == self.user.id).order_by(Event.start_time, Event.id)
            return list(await session.scalars(query))

    async def file_ids(self, recording_id: UUID) -> list[UUID]:
        async with self.services.database.read() as session:
            query = select(RecordingFile.id).where(RecordingFile.recording_id == recording_id)
            return list(await session.scalars(query.order_by(RecordingFile.position)))

    async def set(self, **settings: Any) -> None:
        """Change the person's settings."""
        async with self.services.database.write() as session:
            changes = UserUpdate(settings=settings)
            self.user = await accounts.update_user(session, self.user.id, changes)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.services.database.read() as session:
            return [dict(row) for row in (await session.execute(text(query), values)).mappings()]


@asynccontextmanager
async def lifelog(
    database: Any, url: str, settings: Settings, account: str = "ana"
) -> AsyncIterator[Lifelog]:
    """The lifelog of `account`, who is made if there is no such person."""
    async with open_internal_client(settings, database, url) as internal_client:
        async with database.write() as session:
            user = await session.scalar(select(User).where(User.account == account))
            if user is None:
                user = (await accounts.create_user(session, account, timezone="Asia/Taipei")).user
        services = WorkerServices(
            database=database, store=open_store(settings), internal_client=internal_client, settings=settings
        )
        yield Lifelog(services, url, user)


async def add_provider(database: Any, settings: Settings, base_url: str, model: str = "seer") -> None:
    """A provider that has `model`."""
    async with database.write() as session:
        await session.execute(
            text(
                "INSERT INTO llm_configs (name, provider, base_url, models, settings, priority, weight, api_key)"
                " VALUES ('vision', 'openai_compatible', :url, ARRAY[:model], '{\"retries\": 0}', 100, 1, :key)"
            ),
            {"url": base_url, "model": model, "key": Vault.of(settings).encrypt("sk-vision-secret")},
        )
