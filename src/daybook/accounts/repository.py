"""Queries over accounts. `own_codes` is the only way to a person's codes, so that nobody can forget whose."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from daybook.accounts.models import ActivationCode, Group, Role, User
from daybook.db.engine import ReadSession, WriteSession
from daybook.kit.clock import now
from daybook.kit.errors import Conflict

Row = TypeVar("Row", User, Group, ActivationCode)
Session = ReadSession | WriteSession

_LARGEST_ID = 2**31 - 1


async def user_by_id(session: Session, user_id: int, *, lock: bool = False) -> User | None:
    """The user, locked against other changes if asked."""
    return await _by_id(session, User, user_id, lock=lock)


async def user_by_account(session: Session, account: str, *, lock: bool = False) -> User | None:
    """The user of that account, whose spelling is normal already."""
    query = select(User).where(User.account == account)
    return await session.scalar(_locked(query) if lock else query)


async def group_by_id(session: Session, group_id: int, *, lock: bool = False) -> Group | None:
    """The group, archived or not."""
    return await _by_id(session, Group, group_id, lock=lock)


async def group_by_name(session: Session, name: str) -> Group | None:
    """The group of that name, archived or not."""
    return await session.scalar(select(Group).where(Group.name == name))


async def code_by_public_id(session: Session, public_id: str, *, lock: bool = False) -> ActivationCode | None:
    """The code that logs show as `public_id`."""
    query = select(ActivationCode).where(ActivationCode.public_id == public_id)
    return await session.scalar(_locked(query) if lock else query)


def own_codes(user_id: int) -> Select[ActivationCode]:
    """The codes of one person, newest first."""
    return select(ActivationCode).where(ActivationCode.user_id == user_id).order_by(ActivationCode.id.desc())


def live() -> tuple[ColumnElement[bool], ...]:
    """What makes a code usable, apart from its group and its user."""
    unexpired = or_(ActivationCode.expires_at.is_(None), ActivationCode.expires_at > now())
    return ActivationCode.revoked_at.is_(None), unexpired


async def lock_administrators(session: WriteSession) -> set[int]:
    """The ids of active administrators, locked so that two of them cannot demote each other."""
    query = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id)
    return set(await session.scalars(_locked(query)))


async def lock_name(session: WriteSession, subject: str, name: str) -> None:
    """Let one transaction at a time, in any process, work on `name`."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:subject), hashtext(:name))"),
        {"subject": subject, "name": name},
    )


async def insert(session: WriteSession, row: Row, conflict: Conflict) -> Row:
    """Insert `row`; raises `conflict` when there is one like it."""
    await flush(session, conflict, row)
    return row


async def flush(session: WriteSession, conflict: Conflict, *rows: Any) -> None:
    """Send changes to the database; raises `conflict` when they clash with a row that is there."""
    try:
        async with session.begin_nested():
            session.add_all(rows)
    except IntegrityError:
        raise conflict from None


async def page_of(
    session: Session, query: Select[Row], *, page: int, page_size: int
) -> tuple[Sequence[Row], int]:
    """Rows of one page of `query`, and how many rows there are in all."""
    total = await session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    rows = await session.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return rows.all(), total or 0


def containing(column: InstrumentedAttribute[str], words: str) -> ColumnElement[bool]:
    """Whether `column` contains `words`, whatever their case."""
    return column.icontains(words, autoescape=True)


async def _by_id(session: Session, model: type[Row], row_id: int, *, lock: bool) -> Row | None:
    if not 1 <= row_id <= _LARGEST_ID:
        return None
    query = select(model).where(model.id == row_id)
    return await session.scalar(_locked(query) if lock else query)


def _locked(query: Select[Any]) -> Select[Any]:
    # As an UPDATE locks: what only refers to the row (a sign-in, a ledger line) need not wait.
    return query.with_for_update(key_share=True)
