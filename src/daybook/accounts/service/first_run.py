"""The first administrator, group and code of a new database."""

from dataclasses import dataclass, field

from daybook.accounts import repository
from daybook.accounts.models import Role
from daybook.accounts.passwords import verify_password
from daybook.accounts.schemas import CodeTerms
from daybook.accounts.service.codes import create_code
from daybook.accounts.service.groups import DEFAULT_GROUP, create_group
from daybook.accounts.service.users import create_user
from daybook.db.engine import ReadSession, WriteSession

ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True)
class FirstRun:
    """The credentials that the first run created. Password and code are shown once."""

    account: str
    password: str = field(repr=False)
    code: str = field(repr=False)


async def first_run(session: WriteSession) -> FirstRun | None:
    """Create the first administrator, the default group and a code in it; None if there are users."""
    await repository.lock_name(session, "first run", "")
    if await repository.has_users(session):
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
