"""Reading calls for an export."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import asyncpg
from sqlalchemy import select

from daybook.db.engine import Database, driver_connection
from daybook.ledger.export.columns import COLUMNS
from daybook.ledger.models import CallLog, Line
from daybook.ledger.repository import call_conditions
from daybook.ledger.schemas import CallFilter
from daybook.ledger.service import ALWAYS
from llm_tracker.arguments import DateRange

BATCH_BYTES = 4 * 2**20
"""Bytes of texts that a batch should have, about."""

_FIRST, _MOST = 16, 200  # rows of the first batch, and of any: large ones may follow small ones


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls."""

    calls: CallFilter
    dates: DateRange = ALWAYS
    user_id: int | None = None
    """Only calls of this user, by their lines. A call without a line has no user."""


async def exported_rows(database: Database, wanted: Wanted) -> AsyncGenerator[list[asyncpg.Record]]:
    """Batches of rows with `COLUMNS`, the oldest call first."""
    statement = (
        select(*(column.selected for column in COLUMNS))
        .select_from(CallLog)
        .outerjoin(Line, Line.id == CallLog.usage_id)
        .where(*call_conditions(wanted.calls, wanted.dates))
        .order_by(CallLog.call_time, CallLog.id)
    )
    if wanted.user_id is not None:
        statement = statement.where(Line.user_id == wanted.user_id)
    compiled = statement.compile(dialect=database.engine.dialect)
    arguments = [compiled.params[name] for name in compiled.positiontup or ()]
    async with database.engine.connect() as pooled:
        connection = await driver_connection(pooled)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            cursor = await connection.cursor(str(compiled), *arguments)
            count = _FIRST
            while rows := await cursor.fetch(count):
                yield rows
                size = sum(len(value) for row in rows for value in row if isinstance(value, str))
                count = max(1, min(_MOST, count * 4, count * BATCH_BYTES // max(size, 1)))
