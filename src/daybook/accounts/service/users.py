"""Users: made by administrators and the command line, changed by themselves within what is theirs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select

from daybook.accounts import fields, repository
from daybook.accounts.models import Role, SignIn, User
from daybook.accounts.passwords import hash_password, random_password
from daybook.accounts.repository import Session
from daybook.db.engine import WriteSession
from daybook.kit.errors import Conflict, NotFound
from daybook.kit.pages import Page


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user just made, with the password, which is not kept and cannot be shown again."""

    user: User
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UserChanges:
    """What to change; what is None stays."""

    role: Role | None = None
    active: bool | None = None
    timezone: str | None = None
    settings: Mapping[str, Any] | None = None


async def list_users(session: Session, *, search: str = "", page: int = 1, page_size: int = 50) -> Page[User]:
    """Users by account; `search` is a part of it."""
    query = select(User).order_by(User.account)
    if search:
        query = query.where(repository.containing(User.account, fields.normal_account(search)))
    rows, total = await repository.page_of(session, query, page=page, page_size=page_size)
    return Page[Any].of(rows, page=page, page_size=page_size, total=total)


async def get_user(session: Session, user_id: int, *, lock: bool = False) -> User:
    """The user. Raises `NotFound`."""
    user = await repository.user_by_id(session, user_id, lock=lock)
    if user is None:
        raise NotFound("There is no such user.")
    return user


async def get_user_by_account(session: Session, account: str, *, lock: bool = False) -> User:
    """The user of that account, in any spelling of it. Raises `NotFound`."""
    user = await repository.user_by_account(session, fields.account_name(account), lock=lock)
    if user is None:
        raise NotFound(f"There is no user {fields.account_name(account)}.")
    return user


async def account_names(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    """The accounts of those of these users that there are."""
    rows = await session.execute(select(User.id, User.account).where(User.id.in_(user_ids)))
    return {row.id: row.account for row in rows}


async def create_user(
    session: WriteSession,
    account: str,
    *,
    password: str | None = None,
    role: Role = Role.USER,
    timezone: str = "UTC",
    settings: Mapping[str, Any] | None = None,
) -> NewUser:
    """A new user; a password is made when none is given.

    Raises `Invalid`, or `Conflict` when the account is taken.
    """
    password = random_password() if password is None else password
    user = User(
        account=fields.account_name(account),
        role=role,
        timezone=fields.timezone_name(timezone),
        settings=fields.settings(None, settings or {}) or None,
        password_hash=await hash_password(password),
    )
    taken = Conflict(
        f"There is a user {user.account} already.", code="account_taken", details={"account": user.account}
    )
    await repository.insert(session, user, taken)
    return NewUser(user, password)


async def update_user(session: WriteSession, user_id: int, changes: UserChanges) -> User:
    """Change a user; one made inactive is signed out at once.

    Raises `Invalid`, `NotFound`, or `Conflict` when nobody would be left who administers.
    """
    administrators: set[int] = set()
    if changes.role is not None or changes.active is not None:
        administrators = await repository.lock_administrators(session)
    user = await get_user(session, user_id, lock=True)
    if changes.role is not None:
        user.role = changes.role
    if changes.active is not None:
        user.active = changes.active
    if changes.timezone is not None:
        user.timezone = fields.timezone_name(changes.timezone)
    if changes.settings is not None:
        user.settings = fields.settings(user.settings, changes.settings) or None
    if administrators == {user.id} and not (user.active and user.is_admin):
        raise Conflict(
            f"{user.account} is the last active administrator: make another one first.",
            code="last_administrator",
            details={"account": user.account},
        )
    await session.flush()
    if not user.active:
        await end_sign_ins(session, user.id)
    return user


async def set_password(session: WriteSession, account: str, password: str | None = None) -> NewUser:
    """Give a user another password, a random one when none is given, and end all their sign-ins.

    Raises `Invalid` or `NotFound`.
    """
    password = random_password() if password is None else password
    password_hash = await hash_password(password)
    user = await get_user_by_account(session, account, lock=True)
    await replace_password(session, user, password_hash)
    return NewUser(user, password)


async def replace_password(
    session: WriteSession, user: User, password_hash: str, *, keep: bytes | None = None
) -> None:
    """Store the hash of a new password and end the user's sign-ins, but for the one whose hash is `keep`."""
    user.password_hash = password_hash
    await session.flush()
    await end_sign_ins(session, user.id, keep=keep)


async def end_sign_ins(session: WriteSession, user_id: int, *, keep: bytes | None = None) -> None:
    """Sign a user out everywhere, but for the sign-in whose hash is `keep`."""
    query = delete(SignIn).where(SignIn.user_id == user_id)
    await session.execute(query if keep is None else query.where(SignIn.token_hash != keep))
