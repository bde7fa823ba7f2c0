"""Queries over pages. Each is limited to one user's pages."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.lifelog.diary.models import DiaryPage, DiaryRefresh, DiaryVersion


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to add to a page."""

    content: str
    events_hash: str
    citations: list[dict[str, Any]]
    language: str
    tone: str
    model: str
    is_demo: bool
    job_id: UUID


async def page_of(session: AsyncSession, user_id: int, day: date) -> DiaryPage | None:
    """Return a day's page; None if nothing was written on it."""
    query = select(DiaryPage).where(DiaryPage.user_id == user_id, DiaryPage.diary_date == day)
    return await session.scalar(query.execution_options(populate_existing=True))


async def pages_between(
    session: AsyncSession, user_id: int, first: date, last: date, *, page: int, page_size: int
) -> tuple[Sequence[tuple[DiaryPage, DiaryVersion | None]], int]:
    """Return pages, newest day first, each with its newest version; and their total number."""
    where = (DiaryPage.user_id == user_id, DiaryPage.diary_date.between(first, last))
    total = await session.scalar(select(func.count()).select_from(DiaryPage).where(*where)) or 0
    newest = (DiaryVersion.diary_id == DiaryPage.id) & (DiaryVersion.version == DiaryPage.version)
    found = await session.execute(
        select(DiaryPage, DiaryVersion)
        .outerjoin(DiaryVersion, newest)
        .where(*where)
        .order_by(DiaryPage.diary_date.desc())
        .offset((page - 1) * page_size)
        .limit(page_size)
    )
    return [(row[0], row[1]) for row in found], total


async def versions_of(session: AsyncSession, user_id: int, day: date) -> Sequence[DiaryVersion]:
    """Return every version of a page, newest first."""
    query = select(DiaryVersion).join(DiaryPage, DiaryPage.id == DiaryVersion.diary_id)
    query = query.where(DiaryPage.user_id == user_id, DiaryPage.diary_date == day)
    return (await session.scalars(query.order_by(DiaryVersion.version.desc()))).all()


async def version_of(session: AsyncSession, user_id: int, day: date, version: int) -> DiaryVersion | None:
    """Return one version of a page."""
    query = select(DiaryVersion).join(DiaryPage, DiaryPage.id == DiaryVersion.diary_id)
    query = query.where(DiaryPage.user_id == user_id, DiaryPage.diary_date == day)
    return await session.scalar(query.where(DiaryVersion.version == version))


async def version_of_job(session: AsyncSession, job_id: UUID) -> DiaryVersion | None:
    """Return the version that a job wrote."""
    return await session.scalar(select(DiaryVersion).where(DiaryVersion.job_id == job_id))


async def add_version(session: WriteSession, user_id: int, day: date, new: NewVersion) -> DiaryVersion:
    """Add the newest version of a page. The user's own text is not changed."""
    row = insert(DiaryPage).values(user_id=user_id, diary_date=day, version=1, **_on_page(new))
    changed = row.on_conflict_do_update(
        index_elements=[DiaryPage.user_id, DiaryPage.diary_date],
        set_={"version": DiaryPage.version + 1, "updated_at": func.now(), **_on_page(new)},
    ).returning(DiaryPage.id, DiaryPage.version)
    diary_id, number = (await session.execute(changed)).one()
    version = DiaryVersion(
        diary_id=diary_id,
        version=number,
        **asdict(new),
    )
    session.add(version)
    await session.flush()
    return version


async def set_own_text(
    session: WriteSession, user_id: int, day: date, text: str | None, at: datetime
) -> None:
    """Set the user's own text; the written page is not changed."""
    values = {"own_text": text, "own_text_updated_at": at}
    row = insert(DiaryPage).values(user_id=user_id, diary_date=day, **values)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=[DiaryPage.user_id, DiaryPage.diary_date],
            set_={"updated_at": func.now(), **values},
        )
    )


async def users_with_auto_refresh(session: AsyncSession) -> Sequence[tuple[User, datetime | None]]:
    """Return the active users with automatic refreshes, each with the due time of the last one done."""
    found = await session.execute(
        select(User, DiaryRefresh.last_due)
        .outerjoin(DiaryRefresh, DiaryRefresh.user_id == User.id)
        .where(User.active, User.settings["diary"]["auto_refresh"].astext.is_not(None))
        .order_by(User.id)
    )
    return [(row[0], row[1]) for row in found]


async def claim_refresh(session: WriteSession, user_id: int, due: datetime) -> bool:
    """Claim the refresh due at `due`. True if no other worker has claimed or done it. It counts as done when the caller
    commits.
    """
    row = insert(DiaryRefresh).values(user_id=user_id, last_due=due)
    claimed = row.on_conflict_do_update(
        index_elements=[DiaryRefresh.user_id],
        set_={"last_due": due},
        where=DiaryRefresh.last_due < due,
    ).returning(DiaryRefresh.user_id)
    return (await session.execute(claimed)).first() is not None


def _on_page(new: NewVersion) -> dict[str, Any]:
    return {"content": new.content, "events_hash": new.events_hash}
