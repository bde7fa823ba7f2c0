"""Queries over lines, call logs and prices. Sums are in `rollups`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute, load_only

from daybook.db.engine import ReadSession, WriteSession
from daybook.ledger.models import CallLog, Line, ModelPrice
from daybook.ledger.schemas import CallFilter, CallResponse
from llm_tracker import queries
from llm_tracker.arguments import DateRange


async def lines(
    session: ReadSession, dates: DateRange, *, user_id: int | None, model: str | None, limit: int, offset: int
) -> tuple[Sequence[Line], int]:
    """Return lines, newest first, and the number of all."""
    where = queries.conditions(Line, dates, user_id=user_id, model=model)
    total = await session.scalar(select(func.count()).select_from(Line).where(*where))
    query = select(Line).where(*where).order_by(Line.created_at.desc(), Line.id.desc())
    return (await session.scalars(query.limit(limit).offset(offset))).all(), total or 0


async def calls(
    session: ReadSession, wanted: CallFilter, dates: DateRange, *, limit: int, offset: int
) -> tuple[Sequence[CallLog], int]:
    """Return call logs without their content, newest first, and the number of all."""
    where = call_conditions(wanted, dates)
    total = await session.scalar(select(func.count()).select_from(CallLog).where(*where))
    query = (
        select(CallLog)
        .options(load_only(*_CALL_COLUMNS, raiseload=True))
        .where(*where)
        .order_by(CallLog.call_time.desc(), CallLog.id.desc())
    )
    return (await session.scalars(query.limit(limit).offset(offset))).all(), total or 0


async def number_of(session: ReadSession, call_id: UUID) -> int | None:
    """Return the number of a call. An old row has no call id and is found by its line."""
    either = or_(CallLog.call_id == call_id, CallLog.usage_id == call_id)
    return await session.scalar(select(CallLog.id).where(either).limit(1))


async def logs_and_lines(
    session: ReadSession, call_ids: Sequence[int]
) -> tuple[dict[int, CallLog], dict[UUID, Line]]:
    """Return these call logs with content, and their lines."""
    logs = {row.id: row for row in await session.scalars(select(CallLog).where(CallLog.id.in_(call_ids)))}
    usage_ids = [row.usage_id for row in logs.values() if row.usage_id is not None]
    found = await session.scalars(select(Line).where(Line.id.in_(usage_ids))) if usage_ids else ()
    return logs, {row.id: row for row in found}


async def costs(session: ReadSession, line_ids: Sequence[UUID]) -> dict[UUID, tuple[int, Decimal | None]]:
    """Return the tokens and the cost of those of these lines that are in the ledger."""
    query = select(Line.id, Line.total_tokens, Line.cost).where(Line.id.in_(line_ids))
    return {row.id: (row.total_tokens, row.cost) for row in await session.execute(query)}


def call_conditions(wanted: CallFilter, dates: DateRange) -> list[ColumnElement[bool]]:
    """Return the conditions of a query for calls."""
    where: list[ColumnElement[bool]] = [
        getattr(CallLog, name) == value for name, value in wanted.model_dump(exclude_none=True).items()
    ]
    if dates.start is not None:
        where.append(CallLog.call_time >= dates.start)
    if dates.end is not None:
        where.append(CallLog.call_time < dates.end)
    return where


async def prices(session: ReadSession | WriteSession) -> Sequence[ModelPrice]:
    """Return the newest price of each model that has one, by name."""
    newest = (
        select(ModelPrice)
        .ext(distinct_on(ModelPrice.model))
        .order_by(ModelPrice.model, ModelPrice.created_at.desc(), ModelPrice.id.desc())
    )
    return (await session.scalars(newest)).all()


_CALL_COLUMNS: list[InstrumentedAttribute[Any]] = [
    getattr(CallLog, name) for name in CallResponse.model_fields
]
