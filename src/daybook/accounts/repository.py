"""Queries over users, groups, activation codes and sign-ins. A user's own codes are read through `own_codes` only."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from daybook.accounts.models import ActivationCode, Group, Role, SignIn, SignInFailure, User
from daybook.db.engine import ReadSession, WriteSession
from daybook.kit.clock import now
from daybook.kit.errors import Conflict
from daybook.kit.pagination import Page

Row = TypeVar("Row", User, Group, ActivationCode)
Session = ReadSession | WriteSession

_LARGEST_ID = 2**31 - 1


async def user_by_id(session: Session, user_id: int, *, lock: bool = False) -> User | None:
    """The user; with `lock` no other transaction can change it."""
    return await _by_id(session, User, user_id, lock=lock)


async def user_by_account(session: Session, account: str, *, lock: bool = False) -> User | None:
    """The user of a normalised account name."""
    query = select(User).where(User.account == account)
    return await session.scalar(_locked(query) if lock else query)


async def users(session: Session, search: str, *, page: int, page_size: int) -> Page[User]:
    """Users by account. `search` is a part of the account, in any case."""
    query = select(User).order_by(User.account)
    if search:
        query = query.where(User.account.icontains(search, autoescape=True))
    return await _page_of(session, query, page=page, page_size=page_size)


async def account_names(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    """The accounts of the users that exist, by id."""
    rows = await session.execute(select(User.id, User.account).where(User.id.in_(user_ids)))
    return {row.id: row.account for row in rows}


async def has_users(session: Session) -> bool:
    """True if there is a user."""
    return await session.scalar(select(exists().select_from(User))) or False


async def group_by_id(session: Session, group_id: int, *, lock: bool = False) -> Group | None:
    """The group, archived or not."""
    return await _by_id(session, Group, group_id, lock=lock)


async def group_by_name(session: Session, name: str) -> Group | None:
    """The group of that name, archived or not."""
    return await session.scalar(select(Group).where(Group.name == name))


async def groups(session: Session, *, archived: bool, page: int, page_size: int) -> Page[Group]:
    """Groups by name, with or without the archived ones."""
    query = select(Group).order_by(Group.name)
    if not archived:
        query = query.where(Group.archived_at.is_(None))
    return await _page_of(session, query, page=page, page_size=page_size)


async def group_names(session: Session, group_ids: Collection[int]) -> dict[int, str]:
    """The names of the groups that exist, by id."""
    rows = await session.execute(select(Group.id, Group.name).where(Group.id.in_(group_ids)))
    return {row.id: row.name for row in rows}


async def code_by_public_id(session: Session, public_id: str, *, lock: bool = False) -> ActivationCode | None:
    """The code with this public id."""
    query = select(ActivationCode).where(ActivationCode.public_id == public_id)
    return await session.scalar(_locked(query) if lock else query)


async def code_grant(session: Session, code_hash: bytes) -> tuple[Any, ...] | None:
    """The columns of `CodeGrant` for the code with this hash. The last one is True if the code is refused."""
    code = ActivationCode
    refused = code.revoked_at.is_not(None) | Group.archived_at.is_not(None) | User.active.is_(False)
    query = (
        select(
            code.id,
            code.public_id,
            code.group_id,
            code.user_id,
            code.models,
            code.requests_per_minute,
            code.tokens_per_minute,
            code.expires_at,
            refused.is_(True),
        )
        .join(Group, Group.id == code.group_id)
        .outerjoin(User, User.id == code.user_id)
        .where(code.code_hash == code_hash)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else tuple(row)


async def codes(
    session: Session,
    *,
    group_id: int | None,
    user_id: int | None,
    live: bool,
    page: int,
    page_size: int,
) -> Page[ActivationCode]:
    """Codes, newest first: of one group, of one user, only the usable ones."""
    query = select(ActivationCode) if user_id is None else own_codes(user_id)
    if group_id is not None:
        query = query.where(ActivationCode.group_id == group_id)
    if live:
        query = query.where(*_live())
    query = query.order_by(ActivationCode.id.desc())
    return await _page_of(session, query, page=page, page_size=page_size)


def own_codes(user_id: int) -> Select[ActivationCode]:
    """The codes of one user."""
    return select(ActivationCode).where(ActivationCode.user_id == user_id)


async def count_live_codes(session: Session, user_id: int) -> int:
    """The number of usable codes of a user."""
    query = select(func.count()).select_from(own_codes(user_id).where(*_live()).subquery())
    return await session.scalar(query) or 0


async def first_live_code(session: Session, user_id: int, group_id: int) -> ActivationCode | None:
    """The oldest usable code of a user in a group."""
    query = own_codes(user_id).where(ActivationCode.group_id == group_id, *_live())
    return await session.scalar(query.order_by(ActivationCode.id).limit(1))


def _live() -> tuple[ColumnElement[bool], ...]:
    """Usable, apart from the code's group and user."""
    unexpired = or_(ActivationCode.expires_at.is_(None), ActivationCode.expires_at > now())
    return ActivationCode.revoked_at.is_(None), unexpired


async def lock_administrators(session: WriteSession) -> set[int]:
    """Return the ids of active administrators, locked so that two of them cannot demote each other."""
    query = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id)
    return set(await session.scalars(_locked(query)))


async def lock_name(session: WriteSession, subject: str, name: str) -> None:
    """Hold an advisory lock on `name` until the transaction ends."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:subject), hashtext(:name))"),
        {"subject": subject, "name": name},
    )


async def insert(session: WriteSession, row: Row, conflict: Conflict) -> Row:
    """Insert `row`. Raises `conflict` if a unique constraint refuses it."""
    await flush(session, conflict, row)
    return row


async def flush(session: WriteSession, conflict: Conflict, *rows: Any) -> None:
    """Flush changes. Raises `conflict` if a constraint refuses them."""
    try:
        async with session.begin_nested():
            session.add_all(rows)
    except IntegrityError:
        raise conflict from None


async def sign_in(session: Session, token_hash: bytes) -> tuple[User, datetime] | None:
    """The active user of an unexpired sign-in, and when it expires."""
    query = (
        select(User, SignIn.expires_at)
        .join(SignIn, SignIn.user_id == User.id)
        .where(SignIn.token_hash == token_hash, SignIn.expires_at > now(), User.active)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def extend_sign_in(session: WriteSession, token_hash: bytes, expires_at: datetime) -> None:
    """Set when a sign-in expires."""
    await session.execute(update(SignIn).where(SignIn.token_hash == token_hash).values(expires_at=expires_at))


async def delete_sign_in(session: WriteSession, token_hash: bytes) -> None:
    """Delete one sign-in."""
    await session.execute(delete(SignIn).where(SignIn.token_hash == token_hash))


async def delete_sign_ins(session: WriteSession, user_id: int, *, keep: bytes | None = None) -> None:
    """Delete the sign-ins of a user, except the one with the hash `keep`."""
    query = delete(SignIn).where(SignIn.user_id == user_id)
    await session.execute(query if keep is None else query.where(SignIn.token_hash != keep))


async def nth_last_failure(session: Session, whose: ColumnElement[bool], number: int) -> datetime | None:
    """The time of the failure that `number - 1` newer ones follow."""
    query = select(SignInFailure.failed_at).where(whose).order_by(SignInFailure.failed_at.desc())
    return await session.scalar(query.offset(number - 1).limit(1))


async def delete_failures(session: WriteSession, account: str, last_id: int) -> None:
    """Delete the failures of an account, up to `last_id`."""
    await session.execute(
        delete(SignInFailure).where(SignInFailure.account == account, SignInFailure.id <= last_id)
    )


async def delete_expired(session: WriteSession, failed_before: datetime) -> None:
    """Delete old failures and sign-ins, and skip those that another process is deleting."""
    failures = select(SignInFailure.id).where(SignInFailure.failed_at < failed_before).limit(1000)
    failures = failures.with_for_update(skip_locked=True)
    await session.execute(delete(SignInFailure).where(SignInFailure.id.in_(failures)))
    sign_ins = select(SignIn.token_hash).where(SignIn.expires_at < now()).limit(1000)
    sign_ins = sign_ins.with_for_update(skip_locked=True)
    await session.execute(delete(SignIn).where(SignIn.token_hash.in_(sign_ins)))


async def _page_of(session: Session, query: Select[Row], *, page: int, page_size: int) -> Page[Row]:
    total = await session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    rows = await session.scalars(query.limit(page_size).offset((page - 1) * page_size))
    return Page[Any].of(rows.all(), page=page, page_size=page_size, total=total or 0)


async def _by_id(session: Session, model: type[Row], row_id: int, *, lock: bool) -> Row | None:
    if not 1 <= row_id <= _LARGEST_ID:
        return None
    query = select(model).where(model.id == row_id)
    return await session.scalar(_locked(query) if lock else query)


def _locked(query: Select[Any]) -> Select[Any]:
    # The lock of an UPDATE: inserts that only refer to the row (a sign-in, a ledger line) need not wait.
    return query.with_for_update(key_share=True)
