"""Activation codes: what programs show to use the gateway."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from daybook.accounts import fields, repository
from daybook.accounts.codes import new_code
from daybook.accounts.models import ActivationCode, Group, User
from daybook.accounts.repository import Session
from daybook.accounts.service.groups import DEFAULT_GROUP, get_group
from daybook.accounts.service.users import get_user
from daybook.db.engine import WriteSession
from daybook.kit.clock import now
from daybook.kit.errors import Conflict, Forbidden, Limited, NotFound
from daybook.kit.pages import Page

MOST_OWN_CODES = 50


class Unchanged:
    """Stands for "leave it as it is" where None has a meaning of its own."""


UNCHANGED: Final = Unchanged()


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """What a code allows, as the gateway keeps it in its cache."""

    id: int
    public_id: str
    group_id: int
    user_id: int | None
    models: tuple[str, ...] | None
    """Names and patterns; None for all."""
    requests_per_minute: int | None
    tokens_per_minute: int | None
    expires_at: datetime | None
    revoked: bool
    """The code is revoked, its group archived or its user inactive."""


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code just made. `code` itself is not kept and cannot be shown again."""

    row: ActivationCode
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeTerms:
    """What a code allows and what it is called, as asked for."""

    name: str | None = None
    models: Sequence[str] | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CodeChanges:
    """What to change in a code; None takes a limit away."""

    name: str | Unchanged | None = UNCHANGED
    models: Sequence[str] | Unchanged | None = UNCHANGED
    requests_per_minute: int | Unchanged | None = UNCHANGED
    tokens_per_minute: int | Unchanged | None = UNCHANGED
    expires_at: datetime | Unchanged | None = UNCHANGED


async def find_code(session: Session, code_hash: bytes) -> CodeGrant | None:
    """What the code with that hash allows; None when there is no such code."""
    query = (
        select(
            ActivationCode.id,
            ActivationCode.public_id,
            ActivationCode.group_id,
            ActivationCode.user_id,
            ActivationCode.models,
            ActivationCode.requests_per_minute,
            ActivationCode.tokens_per_minute,
            ActivationCode.expires_at,
            (
                ActivationCode.revoked_at.is_not(None)
                | Group.archived_at.is_not(None)
                | User.active.is_(False)
            ).is_(True),
        )
        .join(Group, Group.id == ActivationCode.group_id)
        .outerjoin(User, User.id == ActivationCode.user_id)
        .where(ActivationCode.code_hash == code_hash)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    code_id, public_id, group_id, user_id, models, requests, tokens, expires_at, revoked = row
    allowed = None if models is None else tuple(models)
    return CodeGrant(code_id, public_id, group_id, user_id, allowed, requests, tokens, expires_at, revoked)


async def list_codes(
    session: Session,
    *,
    group_id: int | None = None,
    user_id: int | None = None,
    live: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> Page[ActivationCode]:
    """Codes, newest first: of one group, of one user, only those that can be used."""
    query = select(ActivationCode).order_by(ActivationCode.id.desc())
    if user_id is not None:
        query = repository.own_codes(user_id)
    if group_id is not None:
        query = query.where(ActivationCode.group_id == group_id)
    if live:
        query = query.where(*repository.live())
    rows, total = await repository.page_of(session, query, page=page, page_size=page_size)
    return Page[Any].of(rows, page=page, page_size=page_size, total=total)


async def get_code(session: Session, public_id: str, *, lock: bool = False) -> ActivationCode:
    """The code that logs show as `public_id`. Raises `NotFound`."""
    code = None
    if public_id.isascii() and public_id.isprintable():
        code = await repository.code_by_public_id(session, public_id, lock=lock)
    if code is None:
        raise NotFound("There is no such activation code.")
    return code


async def create_code(
    session: WriteSession, group_id: int, terms: CodeTerms, *, user_id: int | None = None
) -> NewCode:
    """A new code of a group, and of a user if it is for one.

    Raises `Invalid`, `NotFound`, or `Conflict` when the group is archived or the user inactive.
    """
    group = await get_group(session, group_id)
    if group.archived_at is not None:
        raise Conflict(
            f"The group {group.name} is archived: take it out of the archive first.",
            code="group_archived",
            details={"group": group.name},
        )
    if user_id is not None and not (await get_user(session, user_id)).active:
        raise Conflict("The user is not active: activate them first.", code="user_inactive")
    code, public_id, code_hash = new_code()
    row = ActivationCode(
        public_id=public_id,
        code_hash=code_hash,
        group_id=group_id,
        user_id=user_id,
        name=None if terms.name is None else fields.line(terms.name, "name", 128),
        models=fields.model_patterns(terms.models),
        requests_per_minute=fields.limit(terms.requests_per_minute, "requests_per_minute"),
        tokens_per_minute=fields.limit(terms.tokens_per_minute, "tokens_per_minute"),
        expires_at=fields.expiry(terms.expires_at),
    )
    session.add(row)
    await session.flush()
    return NewCode(row, code)


async def create_own_code(
    session: WriteSession, user_id: int, terms: CodeTerms, *, group_id: int | None = None
) -> NewCode:
    """A code that a person makes for themselves, in the default group or in a group of a code they have.

    Where they have one in that group, the first they were given bounds the new one: models and limits that
    are not asked for are taken from it, and more than it allows is refused. Raises `Forbidden` then,
    `NotFound` for a group that is none of theirs, `Limited` when they have too many codes, and what
    `create_code` raises.
    """
    user = await get_user(session, user_id, lock=True)  # one at a time, so that they are counted right
    held = await session.scalar(
        select(func.count()).select_from(repository.own_codes(user.id).where(*repository.live()).subquery())
    )
    if (held or 0) >= MOST_OWN_CODES:
        raise Limited(
            f"You have {held} activation codes in use: revoke one that you no longer need.",
            code="too_many_codes",
            details={"count": held or 0},
        )
    group = await _default_group(session) if group_id is None else await get_group(session, group_id)
    first = await session.scalar(
        repository.own_codes(user.id)
        .where(ActivationCode.group_id == group.id, *repository.live())
        .order_by(None)
        .order_by(ActivationCode.id)
        .limit(1)
    )
    if first is not None and not user.is_admin:
        terms = _within(first, terms)
    elif first is None and not user.is_admin and group.name != DEFAULT_GROUP:
        raise NotFound(
            "You have no activation code in such a group: ask an administrator for one.",
            code="no_code_in_group",
        )
    return await create_code(session, group.id, terms, user_id=user.id)


async def revoke_own_code(session: WriteSession, user_id: int, public_id: str) -> ActivationCode:
    """Revoke a code that is the user's. Raises `NotFound` for every other."""
    row = await get_code(session, public_id)
    mine = await session.scalar(repository.own_codes(user_id).where(ActivationCode.id == row.id))
    if mine is None:
        raise NotFound("There is no such activation code.")
    return await revoke_code(session, mine.public_id)


async def update_code(session: WriteSession, public_id: str, changes: CodeChanges) -> ActivationCode:
    """Change a code's name and what it allows. Raises `Invalid` or `NotFound`."""
    row = await get_code(session, public_id, lock=True)
    if not isinstance(changes.name, Unchanged):
        row.name = None if changes.name is None else fields.line(changes.name, "name", 128)
    if not isinstance(changes.models, Unchanged):
        row.models = fields.model_patterns(changes.models)
    if not isinstance(changes.requests_per_minute, Unchanged):
        row.requests_per_minute = fields.limit(changes.requests_per_minute, "requests_per_minute")
    if not isinstance(changes.tokens_per_minute, Unchanged):
        row.tokens_per_minute = fields.limit(changes.tokens_per_minute, "tokens_per_minute")
    if not isinstance(changes.expires_at, Unchanged):
        row.expires_at = fields.expiry(changes.expires_at)
    await session.flush()
    return row


async def revoke_code(session: WriteSession, public_id: str) -> ActivationCode:
    """Revoke a code for good; again is no error. Raises `NotFound`."""
    row = await get_code(session, public_id, lock=True)
    if row.revoked_at is None:
        row.revoked_at = now()
        await session.flush()
    return row


async def _default_group(session: Session) -> Group:
    group = await repository.group_by_name(session, DEFAULT_GROUP)
    if group is None:
        raise NotFound("There is no default group: name the group that the code is for.")
    return group


def _within(first: ActivationCode, terms: CodeTerms) -> CodeTerms:
    """`terms` filled in from `first`; raises `Forbidden` where they go beyond it."""
    asked = terms.models if terms.models is None else set(terms.models)
    if first.models is not None and asked is not None and not asked <= set(first.models):
        raise Forbidden(
            f"models: your code {first.public_id} allows only {', '.join(first.models)}.",
            code="beyond_own_models",
            details={"code": first.public_id, "models": ", ".join(first.models)},
        )
    return replace(
        terms,
        models=first.models if terms.models is None else terms.models,
        requests_per_minute=_at_most(first, "requests_per_minute", terms.requests_per_minute),
        tokens_per_minute=_at_most(first, "tokens_per_minute", terms.tokens_per_minute),
        expires_at=_at_most(first, "expires_at", fields.expiry(terms.expires_at)),
    )


def _at_most(first: ActivationCode, name: str, asked: Any) -> Any:
    bound = getattr(first, name)
    if asked is None:
        return bound
    if bound is not None and asked > bound:
        raise Forbidden(
            f"{name}: your code {first.public_id} allows no more than {bound}.",
            code="beyond_own_code",
            details={
                "field": name,
                "code": first.public_id,
                "most": bound if isinstance(bound, int) else str(bound),
            },
        )
    return asked
