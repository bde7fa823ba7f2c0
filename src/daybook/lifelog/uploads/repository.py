"""Queries over uploads."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from daybook.db.engine import ReadSession, WriteSession
from daybook.kit.errors import Specifics
from daybook.lifelog.uploads.models import Upload


async def find(session: ReadSession, user_id: int, upload_id: UUID) -> Upload | None:
    """Return the user's upload; None if there is none."""
    return await session.scalar(select(Upload).where(Upload.id == upload_id, Upload.user_id == user_id))


async def page(
    session: ReadSession, user_id: int, *, page: int, page_size: int
) -> tuple[Sequence[Upload], int]:
    """Return a page of a user's uploads, newest first, and their total number."""
    total = await session.scalar(select(func.count()).select_from(Upload).where(Upload.user_id == user_id))
    rows = await session.scalars(
        select(Upload)
        .where(Upload.user_id == user_id)
        .order_by(Upload.created_at.desc(), Upload.id.desc())
        .limit(page_size)
        .offset((page - 1) * page_size)
    )
    return rows.all(), total or 0


async def open_of(session: ReadSession, user_id: int) -> int:
    """Return the number of a user's unfinished uploads."""
    open_ones = (
        select(func.count())
        .select_from(Upload)
        .where(Upload.finished_at.is_(None), Upload.user_id == user_id)
    )
    return await session.scalar(open_ones) or 0


async def open_bytes(session: ReadSession) -> int:
    """Return the total length of all unfinished uploads."""
    lengths = select(func.sum(Upload.length)).where(Upload.finished_at.is_(None))
    return int(await session.scalar(lengths) or 0)


async def unfinished(session: ReadSession, now: datetime) -> Sequence[Upload]:
    """Return all unfinished uploads that have not expired."""
    found = select(Upload).where(Upload.finished_at.is_(None), Upload.expires_at > now).order_by(Upload.id)
    return (await session.scalars(found)).all()


async def known(session: ReadSession, ids: Sequence[UUID]) -> set[UUID]:
    """Return those of `ids` that are unfinished uploads."""
    open_ones = select(Upload.id).where(Upload.id.in_(ids), Upload.finished_at.is_(None))
    return set((await session.scalars(open_ones)).all())


async def extend(session: WriteSession, upload_id: UUID, until: datetime) -> None:
    """Extend the expiry."""
    await session.execute(update(Upload).where(Upload.id == upload_id).values(expires_at=until))


async def finish(
    session: WriteSession,
    upload_id: UUID,
    now: datetime,
    *,
    recording_id: UUID | None = None,
    error_code: str | None = None,
    error: str | None = None,
    error_details: Specifics | None = None,
) -> None:
    """Record the result."""
    outcome = {
        "recording_id": recording_id,
        "error_code": error_code,
        "error": error,
        "details": Upload.details.op("||")(literal({"error_details": {**(error_details or {})}}, JSONB)),
        "finished_at": now,
    }
    await session.execute(update(Upload).where(Upload.id == upload_id).values(**outcome))


async def remove(session: WriteSession, upload_id: UUID) -> None:
    """Delete an upload."""
    await session.execute(delete(Upload).where(Upload.id == upload_id))


async def remove_expired(session: WriteSession, now: datetime) -> Sequence[UUID]:
    """Delete expired uploads, finished or not. Returns their ids."""
    gone = delete(Upload).where(Upload.expires_at <= now).returning(Upload.id)
    return (await session.scalars(gone)).all()
