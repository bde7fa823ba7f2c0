"""Changes of lines that the ledger refuses, for tests of what finds them."""

from contextlib import asynccontextmanager

from sqlalchemy import text

_TRIGGERS = ("ledger_lines_stay", "ledger_lines_stay_by_row")


@asynccontextmanager
async def tampering(database):
    """A function that runs a statement on the ledger without its triggers and the CHECK on `cost`."""
    async with database.write() as session:
        await session.execute(
            text("ALTER TABLE llm_tracker_usage DROP CONSTRAINT IF EXISTS ck_llm_tracker_usage_cost")
        )
        for trigger in _TRIGGERS:
            await session.execute(text(f"ALTER TABLE llm_tracker_usage DISABLE TRIGGER {trigger}"))

        async def tamper(statement, **values):
            await session.execute(text(statement), values)

        yield tamper
        for trigger in _TRIGGERS:
            await session.execute(text(f"ALTER TABLE llm_tracker_usage ENABLE ALWAYS TRIGGER {trigger}"))
