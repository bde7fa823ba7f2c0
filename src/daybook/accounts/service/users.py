"""Users: created by administrators and the command line; each can change their own profile."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from daybook.accounts import fields, repository
from daybook.accounts.models import Role, User
from daybook.accounts.passwords import hash_password, random_password
from daybook.accounts.repository import Session
from daybook.accounts.schemas import UserUpdate
from daybook.db.engine import WriteSession
from daybook.kit.errors import Conflict, NotFound
from daybook.kit.pagination import Page


@dataclass(frozen=True, slots=True)
class NewUser:
    """A new user with the password, which is not stored and cannot be shown again."""

    user: User
    password: str = field(repr=False)


async def list_users(session: Session, *, search: str = "", page: int = 1, page_size: int = 50) -> Page[User]:
    """Users by account. `search` is a part of the account."""
    search = fields.normal_account(search)
    return await repository.users(session, search, page=page, page_size=page_size)


async def get_user(session: Session, user_id: int, *, lock: bool = False) -> User:
    """The user. Raises `NotFound`."""
    user = await repository.user_by_id(session, user_id, lock=lock)
    if user is None:
        raise NotFound("There is no such user.")
    return user


async def get_user_by_account(session: Session, account: str, *, lock: bool = False) -> User:
    """The user of an account, in any spelling. Raises `NotFound`."""
    name = fields.account_name(account)
    user = await repository.user_by_account(session, name, lock=lock)
    if user is None:
        raise NotFound(f"There is no user {name}.")
    return user


async def account_names(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    """The accounts of the users that exist, by id."""
    return await repository.account_names(session, user_ids)


async def create_user(
    session: WriteSession,
    account: str,
    *,
    password: str | None = None,
    role: Role = Role.USER,
    timezone: str = "UTC",
    settings: Mapping[str, Any] | None = None,
) -> NewUser:
    """Create a user; without `password` a random one is generated.

    Raises `Invalid`, or `Conflict` if the account is taken.
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
        f"There is already a user {user.account}.", code="account_taken", details={"account": user.account}
    )
    await repository.insert(session, user, taken)
    return NewUser(user, password)


async def update_user(session: WriteSession, user_id: int, changes: UserUpdate) -> User:
    """Change a user. Deactivation signs the user out at once.

    Raises `Invalid`, `NotFound`, or `Conflict` for the last active administrator.
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
            f"{user.account} is the last active administrator: create another one first.",
            code="last_administrator",
            details={"account": user.account},
        )
    await session.flush()
    if not user.active:
        await repository.delete_sign_ins(session, user.id)
    return user


async def set_password(session: WriteSession, account: str, password: str | None = None) -> NewUser:
    """Set a user's password, by default a random one, and end all their sign-ins.

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
    """Store a password's hash and end the user's sign-ins, except the one with the hash `keep`."""
    user.password_hash = password_hash
    await session.flush()
    await repository.delete_sign_ins(session, user.id, keep=keep)
