"""Events for tests: published, delivered, looked at."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from daybook.db.engine import Database
from daybook.ledger.outbox import service
from daybook.ledger.outbox.delivery import deliver_next
from daybook.ledger.outbox.handlers import Event, Handler, Handlers
from daybook.ledger.outbox.schemas import NewEvent


class Told(BaseModel):
    """A payload of the tests' own events, which may say anything more."""

    model_config = ConfigDict(extra="allow")

    number: int = 0


class Outbox:
    """The outbox of a database, with a table `effects` in which the tests' handlers leave the keys of events."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def prepare(self) -> None:
        await self.sql("CREATE TABLE effects (id SERIAL, key TEXT, said JSONB)")

    async def publish(
        self, key: str, *, aggregate: str = "thing:1", version: int = 1, **said: Any
    ) -> int | None:
        async with self.database.write() as session:
            return await service.publish(session, NewEvent("told", key, aggregate, Told(**said), version))

    async def put(self, event_type: str, key: str, payload: Any, **columns: Any) -> int:
        """Write an event as nobody here would: for what is malformed."""
        values = {
            "aggregate": "thing:1",
            **columns,
            "type": event_type,
            "key": key,
            "payload": json.dumps(payload),
        }
        rows = await self.sql(
            f"INSERT INTO outbox_events ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})"
            " RETURNING id",
            **values,
        )
        return rows[0]["id"]

    async def deliver_all(self, handlers: Handlers) -> list[str]:
        """Deliver until nothing is due; what became of each."""
        outcomes: list[str] = []
        while (outcome := await deliver_next(self.database, handlers)) is not None:
            outcomes.append(outcome)
        return outcomes

    async def make_due(self) -> None:
        """Let the pauses pass."""
        await self.sql("UPDATE outbox_events SET next_attempt_at = now() WHERE status = 'pending'")

    async def row(self, key: str) -> dict[str, Any]:
        (row,) = await self.sql("SELECT * FROM outbox_events WHERE key = :key", key=key)
        return row

    async def effects(self) -> list[str]:
        return [row["key"] for row in await self.sql("SELECT key FROM effects ORDER BY id")]

    async def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        async with self.database.write() as session:
            result = await session.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []


async def leave_effect(session, event: Event, told: Told) -> None:
    """The plainest handler: leaves the event's key."""
    await session.execute(
        text("INSERT INTO effects (key, said) VALUES (:key, :said)"),
        {"key": event.key, "said": told.model_dump_json()},
    )


def told(handle=leave_effect, version: int = 1) -> Handlers:
    """Handlers of the tests' own events."""
    return Handlers([Handler("told", version, Told, handle)])
