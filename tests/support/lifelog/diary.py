"""A person's diary in tests: events, a model on loopback that writes, and a worker in this process that asks it."""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from daybook.accounts import service as accounts
from daybook.accounts.models import User
from daybook.accounts.schemas import UserUpdate
from daybook.db.engine import Database
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.internal import is_lasting, open_internal_client
from daybook.gateway.providers.vault import Vault
from daybook.jobs import service as jobs
from daybook.jobs.models import Job
from daybook.jobs.worker import Worker
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.diary import service as diary
from daybook.lifelog.diary.jobs import job_types
from daybook.lifelog.diary.schemas import DiaryResponse
from daybook.lifelog.events.models import Event
from daybook.settings import Settings
from daybook.storage.service import open_store
from support.gateway.internal_calls import said
from support.gateway.served import shipping
from support.gateway.upstream import Received, Reply, Upstream

TAIPEI = ZoneInfo("Asia/Taipei")
DAY = date(2026, 11, 20)  # a Friday
ENDED = {"success", "failed", "cancelled"}


def sentence(words: str, *notes: int) -> dict[str, Any]:
    return {"text": words, "notes": list(notes)}


def page(*paragraphs: list[dict[str, Any]]) -> Reply:
    """An answer in the form that is asked for."""
    return said(json.dumps({"paragraphs": list(paragraphs)}))


def notes_in(request: Received) -> list[str]:
    """The notes that a request holds, in order."""
    text_of_notes = request.json["messages"][1]["content"]
    return [note.strip() for note in re.split(r"^\d+\. ", text_of_notes, flags=re.MULTILINE)[1:]]


def copied(request: Received) -> Reply:
    """A page with one sentence per note: its summary, and nothing else."""
    notes = [
        re.split(r" (?:Action|Scene|Objects): ", note.partition(": ")[2])[0] for note in notes_in(request)
    ]
    return page([sentence(note, number) for number, note in enumerate(notes, 1)])


Script = Callable[[Received], Reply]


class Author(Upstream):
    """A model that copies its notes, but for the calls that `next_replies` are for."""

    def __init__(self) -> None:
        super().__init__()
        self.next_replies: deque[Script | Reply] = deque()
        self.usually: Script | Reply = copied

    async def _answer(self, request: Any) -> Any:
        body = await request.read()
        script = self.next_replies.popleft() if self.next_replies else self.usually
        received = Received(request.method, request.raw_path, "", {}, body)
        self.reply(script if isinstance(script, Reply) else script(received))
        return await super()._answer(request)


@dataclass(slots=True)
class Diary:
    """The diary of one person."""

    services: WorkerServices
    url: str
    user: User

    @property
    def resources(self) -> GatewayResources:
        """What the calls for the pages are made with."""
        return self.services.internal_client._resources

    async def event(self, clock: str, summary: str | None, day: date = DAY, **values: Any) -> UUID:
        """An event at a local time."""
        start = datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), ZoneInfo(self.user.timezone))  # noqa: DTZ007  (the zone is the person's)
        event = Event(user_id=self.user.id, start_time=start, summary=summary, **values)
        async with self.services.database.write() as session:
            session.add(event)
        return event.id

    async def walk(self, count: int) -> None:
        """An event every ten minutes from midnight."""
        midnight = datetime.combine(DAY, datetime.min.time(), ZoneInfo(self.user.timezone))
        async with self.services.database.write() as session:
            session.add_all(
                Event(
                    user_id=self.user.id,
                    start_time=midnight + timedelta(minutes=10 * number),
                    summary=f"Walking past house number {number + 100} with a red gate.",
                )
                for number in range(count)
            )

    async def change(self, event_id: UUID, **values: Any) -> None:
        async with self.services.database.write() as session:
            event = await session.get_one(Event, event_id)
            for name, value in values.items():
                setattr(event, name, value)

    async def set(self, timezone: str | None = None, **settings: Any) -> None:
        """Change the person's settings."""
        async with self.services.database.write() as session:
            changes = UserUpdate(timezone=timezone, settings=settings)
            self.user = await accounts.update_user(session, self.user.id, changes)

    async def ask(self, day: date = DAY, *, force: bool = False) -> diary.Requested:
        async with self.services.database.write() as session:
            return await diary.request_page(session, self.user, day, force=force)

    async def written(self, day: date = DAY, *, force: bool = False, within: float = 30) -> DiaryResponse:
        """The page, after it was asked for and every job was done well."""
        await self.ask(day, force=force)
        for job in await self.work(within):
            assert job.status == "success", (job.error_code, job.error_message)
        return await self.page(day)

    async def page(self, day: date = DAY) -> DiaryResponse:
        async with self.services.database.read() as session:
            return await diary.get_page(session, self.user, day)

    async def work(self, within: float = 30) -> list[Job]:
        """Do every job of the diary that waits, until it has ended."""
        waiting = [job.id for job in await self.jobs() if job.status not in ENDED]
        stop = asyncio.Event()
        worker = Worker(self.services.database, self.url, self.types(), 2, is_lasting)
        task = asyncio.create_task(worker.work(stop))
        try:
            async with asyncio.timeout(within):
                while True:
                    found = [job for job in await self.jobs() if job.id in waiting]
                    if all(job.status in ENDED for job in found):
                        return found
                    await asyncio.sleep(0.03)
        finally:
            stop.set()
            await task

    def types(self) -> list[Any]:
        """The types of jobs, with pauses that a test can wait for."""
        types = job_types(self.services)
        for job_type in types:
            object.__setattr__(job_type, "first_pause", 0.05)
        return types

    async def jobs(self) -> list[Job]:
        """Every job of the diary, in order."""
        async with self.services.database.read() as session:
            query = select(Job).where(Job.type == diary.JOB_TYPE).order_by(Job.created_at)
            return list(await session.scalars(query))

    async def cancel(self, job_id: UUID) -> None:
        async with self.services.database.write() as session:
            await jobs.cancel(session, job_id)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.services.database.read() as session:
            return [dict(row) for row in (await session.execute(text(query), values)).mappings()]


@asynccontextmanager
async def open_diary(
    database: Database, url: str, settings: Settings, account: str = "ana"
) -> AsyncIterator[Diary]:
    """The diary of `account`, in Taipei, who is made if there is no such person. What is asked is shipped meanwhile."""
    async with (
        shipping(settings, database, url),
        open_internal_client(settings, database, url) as internal_client,
    ):
        async with database.write() as session:
            user = await session.scalar(select(User).where(User.account == account))
            if user is None:
                user = (await accounts.create_user(session, account)).user
            changes = UserUpdate(timezone="Asia/Taipei")
            user = await accounts.update_user(session, user.id, changes)
        services = WorkerServices(
            database=database, store=open_store(settings), internal_client=internal_client, settings=settings
        )
        yield Diary(services, url, user)


@asynccontextmanager
async def diary_with_author(database: Database, url: str, data: Path) -> AsyncIterator[Diary]:
    """Ana's diary, with a model that copies its notes."""
    settings = Settings(data=data, diary_model="author")
    author = Author()
    await author.start()
    await add_model(database, settings, author.url + "/v1")
    async with open_diary(database, url, settings) as diary:
        yield diary
    await author.stop()


async def add_model(
    database: Database,
    settings: Settings,
    base_url: str,
    model: str = "author",
    limits: str = '{"retries": 0}',
) -> None:
    """A provider that has `model`."""
    async with database.write() as session:
        await session.execute(
            text(
                "INSERT INTO llm_configs (name, provider, base_url, models, settings, priority, weight, api_key)"
                " VALUES (:name, 'openai_compatible', :url, ARRAY[:model], CAST(:settings AS jsonb), 100, 1, :key)"
            ),
            {
                "name": f"of {model}",
                "url": base_url,
                "model": model,
                "key": Vault.of(settings).encrypt("sk-author-secret"),
                "settings": limits,
            },
        )
