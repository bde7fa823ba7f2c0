"""A ledger with something of every kind in it, and what `ledger verify` and `repair` say of it."""

from datetime import date
from decimal import Decimal

from sqlalchemy import text

from daybook.assistant.models import Chat, ChatMessage
from daybook.assistant.verification import CHECKS
from daybook.ledger.budgets.holds import HoldPart
from daybook.ledger.budgets.leases import take_slice
from daybook.ledger.budgets.settling import Settlement, settle
from daybook.ledger.verification import repair as repairing
from daybook.ledger.verification import verify as verifying
from support.ledger.lines import write_call, write_line

CHAT = "018f3a5e-0000-7000-8000-000000000001"
DAY = date(2026, 1, 31)


class Ledger:
    """A small ledger in which there is some of everything, and which balances."""

    def __init__(self, database):
        self.database = database

    async def sql(self, statement, **values):
        async with self.database.write() as session:
            result = await session.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    async def fill(self, connection):
        await self.sql("INSERT INTO users (id, account) VALUES (1, 'ana'), (2, 'ben')")
        await self.sql("INSERT INTO groups (id, name) VALUES (7, 'seven')")
        await self.sql(
            "INSERT INTO activation_codes (id, public_id, code_hash, group_id) VALUES (3, 'db_x', 'h', 7)"
        )
        self.call = await self.logged("2026-01-31T10:15")
        self.other = await self.logged("2026-01-31T10:45", success=False, error="no", user_id=2)
        self.library = await write_line(
            self.database, "2026-02-01T00:00", user_id=1, cost=Decimal("0.000000123"), duration_ms=15
        )
        await write_line(self.database, "2026-02-01T01:00", user_id=99, group_id=98, code="db_gone")
        async with self.database.write() as session:
            session.add(Chat(chat_id=CHAT, user_id=1, tokens_total=15))
        async with self.database.write() as session:
            session.add(ChatMessage(chat_id=CHAT, user_id=1, role="assistant", tokens_consumed=15))
            await session.execute(text("UPDATE users SET token_usage = token_usage + 15 WHERE id = 1"))
        await write_line(
            self.database,
            "2026-02-01T02:00",
            user_id=1,
            source="chat",
            posted_by="turn",
            conversation_id=CHAT,
        )
        await self.sql(
            'INSERT INTO budgets (id, subject, subject_id, period, unit, "limit")'
            " VALUES (5, 'code', 3, 'day', 'tokens', 1000)"
        )
        async with connection.transaction():
            await take_slice(connection, "one", 5, DAY, exact=Decimal(50), ahead=Decimal(0), places=0)
            held = [HoldPart(5, DAY, Decimal(30), "tokens")]
            await settle(connection, [Settlement(self.call, "one", held, 15, None)])

    async def logged(self, at, **columns):
        """A call through the gateway: its line and its log."""
        line = {
            "user_id": 1,
            "source": "gateway",
            "group_id": 7,
            "code": "db_x",
            "duration_ms": 1500,
            **columns,
        }
        line_id = await write_line(self.database, at, **line)
        await write_call(
            self.database,
            at,
            usage_id=line_id,
            call_id=line_id,
            group_id=line["group_id"],
            activation_code=line["code"],
            tokens_used=15,
            prompt_tokens=10,
            completion_tokens=5,
            status="success" if columns.get("success", True) else "error",
        )
        return line_id

    async def verify(self):
        return await verifying.verify(self.database, CHECKS)

    async def repair(self):
        return await repairing.repair(self.database, CHECKS, by="ben")

    async def lines(self):
        return await self.sql("SELECT line::text FROM llm_tracker_usage AS line ORDER BY id")
