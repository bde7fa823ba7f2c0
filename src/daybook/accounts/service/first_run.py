"""What a new database needs before anybody can sign in or call a model."""

from dataclasses import dataclass, field

from sqlalchemy import exists, select

from daybook.accounts import repository
from daybook.accounts.models import Role, User
from daybook.accounts.passwords import verify_password
from daybook.accounts.service.codes import CodeTerms, create_code
from daybook.accounts.service.groups import DEFAULT_GROUP, create_group
from daybook.accounts.service.users import create_user
from daybook.db.engine import ReadSession, WriteSession

ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What the first run made; password and code are shown once."""

    account: str
    password: str = field(repr=False)
    code: str = field(repr=False)


async def first_run(session: WriteSession) -> FirstRun | None:
    """Make the first administrator, the default group and a code in it; None when there are users already."""
    await repository.lock_name(session, "first run", "")
    if await session.scalar(select(exists().select_from(User))):
        return None
    made = await create_user(session, ADMINISTRATOR, role=Role.ADMIN)
    group = await repository.group_by_name(session, DEFAULT_GROUP) or await create_group(
        session, DEFAULT_GROUP
    )
    code = await create_code(session, group.id, CodeTerms(name="first code"), user_id=made.user.id)
    return FirstRun(made.user.account, made.password, code.code)


async def password_holds(session: ReadSession, account: str, password: str) -> bool:
    """True if an active user `account` has this password."""
    user = await repository.user_by_account(session, account)
    return user is not None and user.active and await verify_password(user.password_hash, password)
