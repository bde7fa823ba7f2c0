"""Activation codes, with which programs use the gateway."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daybook.accounts import fields, repository
from daybook.accounts.codes import new_code
from daybook.accounts.models import ActivationCode, Group
from daybook.accounts.repository import Session
from daybook.accounts.schemas import CodeTerms, CodeUpdate
from daybook.accounts.service.groups import DEFAULT_GROUP, get_group
from daybook.accounts.service.users import get_user
from daybook.db.engine import WriteSession
from daybook.kit.clock import now
from daybook.kit.errors import Conflict, Forbidden, Limited, NotFound
from daybook.kit.pagination import Page

MOST_OWN_CODES = 50


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """The permissions of a code, as the gateway caches them."""

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
    """True if the code is revoked, its group archived or its user inactive."""


@dataclass(frozen=True, slots=True)
class NewCode:
    """A new code. `code` is not stored and cannot be shown again."""

    row: ActivationCode
    code: str = field(repr=False)


async def find_code(session: Session, code_hash: bytes) -> CodeGrant | None:
    """Return what the code with this hash allows; None if there is no such code."""
    row = await repository.code_grant(session, code_hash)
    if row is None:
        return None
    code_id, public_id, group_id, user_id, models, *limits = row
    return CodeGrant(
        code_id, public_id, group_id, user_id, None if models is None else tuple(models), *limits
    )


async def list_codes(
    session: Session,
    *,
    group_id: int | None = None,
    user_id: int | None = None,
    live: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> Page[ActivationCode]:
    """Codes, newest first: of one group, of one user, only the usable ones."""
    return await repository.codes(
        session, group_id=group_id, user_id=user_id, live=live, page=page, page_size=page_size
    )


async def get_code(session: Session, public_id: str, *, lock: bool = False) -> ActivationCode:
    """The code with this public id. Raises `NotFound`."""
    code = None
    if public_id.isascii() and public_id.isprintable():
        code = await repository.code_by_public_id(session, public_id, lock=lock)
    if code is None:
        raise NotFound("There is no such activation code.")
    return code


async def create_code(
    session: WriteSession, group_id: int, terms: CodeTerms, *, user_id: int | None = None
) -> NewCode:
    """Create a code of a group, and of a user if `user_id` is given.

    Raises `Invalid`, `NotFound`, or `Conflict` if the group is archived or the user inactive.
    """
    group = await get_group(session, group_id)
    if group.archived_at is not None:
        raise Conflict(
            f"The group {group.name} is archived: restore it first.",
            code="group_archived",
            details={"group": group.name},
        )
    if user_id is not None and not (await get_user(session, user_id)).active:
        raise Conflict("The user is inactive: activate them first.", code="user_inactive")
    code, public_id, code_hash = new_code()
    row = ActivationCode(
        public_id=public_id,
        code_hash=code_hash,
        group_id=group_id,
        user_id=user_id,
        **_stored(terms),
    )
    session.add(row)
    await session.flush()
    return NewCode(row, code)


async def create_own_code(
    session: WriteSession, user_id: int, terms: CodeTerms, *, group_id: int | None = None
) -> NewCode:
    """Create a code for oneself, in the default group or in a group in which one has a code.

    The user's oldest code in that group bounds the new one: missing models and limits are copied from it, and wider
    ones are refused with `Forbidden`. Raises `NotFound` for any other group, `Limited` for too many codes, and what
    `create_code` raises.
    """
    user = await get_user(session, user_id, lock=True)  # concurrent calls must count each other's codes
    held = await repository.count_live_codes(session, user.id)
    if held >= MOST_OWN_CODES:
        raise Limited(
            f"You have {held} activation codes in use: revoke one that you no longer need.",
            code="too_many_codes",
            details={"count": held},
        )
    group = await _default_group(session) if group_id is None else await get_group(session, group_id)
    first = await repository.first_live_code(session, user.id, group.id)
    if first is not None and not user.is_admin:
        terms = _within(first, terms)
    elif first is None and not user.is_admin and group.name != DEFAULT_GROUP:
        raise NotFound(
            "You have no activation code in this group: ask an administrator for one.",
            code="no_code_in_group",
        )
    return await create_code(session, group.id, terms, user_id=user.id)


async def revoke_own_code(session: WriteSession, user_id: int, public_id: str) -> ActivationCode:
    """Revoke a code of the user. Raises `NotFound` for any other code."""
    row = await get_code(session, public_id)
    if row.user_id != user_id:
        raise NotFound("There is no such activation code.")
    return await revoke_code(session, row.public_id)


async def update_code(session: WriteSession, public_id: str, changes: CodeUpdate) -> ActivationCode:
    """Change the given fields of a code. Raises `Invalid` or `NotFound`."""
    row = await get_code(session, public_id, lock=True)
    stored = _stored(changes)
    for name in changes.model_fields_set:
        setattr(row, name, stored[name])
    await session.flush()
    return row


async def revoke_code(session: WriteSession, public_id: str) -> ActivationCode:
    """Revoke a code for good. A revoked code stays revoked. Raises `NotFound`."""
    row = await get_code(session, public_id, lock=True)
    if row.revoked_at is None:
        row.revoked_at = now()
        await session.flush()
    return row


async def _default_group(session: Session) -> Group:
    group = await repository.group_by_name(session, DEFAULT_GROUP)
    if group is None:
        raise NotFound("There is no default group: name a group for the code.")
    return group


def _stored(terms: CodeTerms) -> dict[str, Any]:
    """The columns of `terms`. Raises `Invalid`."""
    return {
        "name": None if terms.name is None else fields.line(terms.name, "name", 128),
        "models": fields.model_patterns(terms.models),
        "requests_per_minute": fields.limit(terms.requests_per_minute, "requests_per_minute"),
        "tokens_per_minute": fields.limit(terms.tokens_per_minute, "tokens_per_minute"),
        "expires_at": fields.expiry(terms.expires_at),
    }


def _within(first: ActivationCode, terms: CodeTerms) -> CodeTerms:
    """Fill in `terms` from `first`. Raises `Forbidden` if they exceed it."""
    asked = terms.models if terms.models is None else set(terms.models)
    if first.models is not None and asked is not None and not asked <= set(first.models):
        raise Forbidden(
            f"models: your code {first.public_id} allows only {', '.join(first.models)}.",
            code="beyond_own_models",
            details={"code": first.public_id, "models": ", ".join(first.models)},
        )
    bounded = {
        "models": first.models if terms.models is None else terms.models,
        "requests_per_minute": _at_most(first, "requests_per_minute", terms.requests_per_minute),
        "tokens_per_minute": _at_most(first, "tokens_per_minute", terms.tokens_per_minute),
        "expires_at": _at_most(first, "expires_at", fields.expiry(terms.expires_at)),
    }
    return terms.model_copy(update=bounded)


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
