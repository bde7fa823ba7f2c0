"""A person's recordings: videos taken in, looked at by API, and what is in the store."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from daybook.ledger.outbox.delivery import deliver_next
from daybook.ledger.outbox.handlers import Handlers
from daybook.lifelog.context import Services
from daybook.lifelog.events.models import Event
from daybook.lifelog.recordings import removal
from daybook.lifelog.recordings.service import Details, Ingested, ingest
from support.application.api import Api
from support.videos.made import Videos

PATH = "/api/v1/recordings"


class Recordings:
    """What a test does with recordings of one person."""

    def __init__(self, services: Services, api: Api, user_id: int, videos: Videos) -> None:
        self.services = services
        self.api = api
        self.user_id = user_id
        self.videos = videos

    async def take(self, path: Path, name: str | None = None, **details: Any) -> Ingested:
        """Take a file in."""
        return await ingest(self.services, self.user_id, path, name or path.name, Details(**details))

    async def bring(self, name: str, *options: str, at: str | None = None, **video: Any) -> Ingested:
        """Make a video and take it in; `at` is what its container says of its time. No two are alike."""
        self._brought = getattr(self, "_brought", 0) + 1
        tags = ["-metadata", f"comment={self._brought}"]
        if at is not None:
            tags += ["-metadata", f"creation_time={at}"]
        return await self.take(self.videos.make(name, *options, *tags, **video))

    async def get(self, taken: Ingested | UUID | str) -> dict[str, Any]:
        """A recording as its owner sees it."""
        return await self.api.get(f"{PATH}/{taken.recording_id if isinstance(taken, Ingested) else taken}")

    async def listed(self, **query: Any) -> list[dict[str, Any]]:
        """The person's recordings."""
        return (await self.api.get(PATH, **query))["list"]

    async def add_event(self, taken: Ingested, at: float, **values: Any) -> UUID:
        """An event at some second of a recording."""
        recording = await self.get(taken)
        start = datetime.fromisoformat(recording["start_time"])
        event = Event(
            user_id=self.user_id,
            recording_id=UUID(recording["id"]),
            start_offset=at,
            start_time=datetime.fromtimestamp(start.timestamp() + at, start.tzinfo),
            duration=1.0,
            **{"origin": "extracted", "is_described": False, **values},
        )
        async with self.services.database.write() as session:
            session.add(event)
        return event.id

    async def events(self) -> list[dict[str, Any]]:
        """All events in the order of time."""
        return await self.rows("SELECT * FROM events ORDER BY start_time, id")

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """What the database says."""
        async with self.services.database.write() as session:
            result = await session.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    async def objects(self) -> list[str]:
        """The keys of everything in the store."""
        return sorted([stored.key async for stored in self.services.store.list(f"users/{self.user_id}")])

    async def deliver(self) -> list[str]:
        """Let a worker see to the events of the outbox that are due."""
        handlers = Handlers(removal.handlers(self.services.store))
        outcomes: list[str] = []
        while (outcome := await deliver_next(self.services.database, handlers)) is not None:
            outcomes.append(outcome)
        return outcomes
