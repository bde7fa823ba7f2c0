"""Signing in: a cookie whose SHA-256 is kept, and a limit on attempts.

Two limits hold together, over fifteen minutes: ten failures for one account and fifty from one address. An
attempt is written down as a failure *before* the password is checked and taken away when it was right,
under a lock for the account and one for the address. So attempts that run at the same time, in whatever
processes, cannot all slip under the limit; and no database connection waits while a password is hashed.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from sqlalchemy import ColumnElement, delete, select, update

from daybook.accounts import fields, repository
from daybook.accounts.models import SignIn, SignInFailure, User
from daybook.accounts.passwords import acceptable, hash_password, needs_rehash, verify_password
from daybook.accounts.repository import Session
from daybook.accounts.service.users import get_user, replace_password
from daybook.db.engine import Database, WriteSession
from daybook.kit.clock import now
from daybook.kit.errors import Invalid, Limited, Unauthenticated
from daybook.kit.text import storable

FAILURES_PER_ACCOUNT = 10
FAILURES_PER_ADDRESS = 50
WINDOW = timedelta(minutes=15)

WRONG = "The account or the password is wrong."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, and by which sign-in."""

    user: User
    token_hash: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewSignIn:
    """A sign-in just made. `token` goes into the cookie and is kept nowhere."""

    user: User
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Attempt:
    failure_id: int
    account: str
    user_id: int | None
    password_hash: str | None = field(repr=False)


async def sign_in(
    database: Database, account: str, password: str, *, address: str, lifetime: timedelta
) -> NewSignIn:
    """Sign in with a password, from `address`. In transactions of its own.

    Raises `Unauthenticated` in the same words and the same time for an unknown account, a wrong password
    and an inactive user, and `Limited` when too many attempts have failed.
    """
    async with database.write() as session:
        attempt = await _begin(session, account, address)
    user_id, new_hash = await _check(attempt, password)
    async with database.write() as session:
        user = await _unchanged_user(session, user_id, attempt)
        if new_hash is not None:
            user.password_hash = new_hash
        await _forget_failures(session, attempt)
        await _delete_expired(session)
        token = secrets.token_urlsafe(32)
        expires_at = now() + lifetime
        session.add(SignIn(token_hash=token_hash(token), user_id=user.id, expires_at=expires_at))
    return NewSignIn(user, token, expires_at)


async def change_password(
    database: Database, signed_in: SignedIn, current: str, new: str, *, address: str
) -> None:
    """Change one's own password and end every other sign-in. In transactions of its own.

    Raises `Invalid` when the current password is wrong or the new one cannot be taken, and `Limited` as
    `sign_in` does.
    """
    acceptable(new)
    async with database.write() as session:
        attempt = await _begin(session, signed_in.user.account, address)
    try:
        user_id, _ = await _check(attempt, current)
    except Unauthenticated:
        raise Invalid("The current password is wrong.", code="wrong_current_password") from None
    new_hash = await hash_password(new)
    async with database.write() as session:
        user = await _unchanged_user(session, user_id, attempt)
        await _forget_failures(session, attempt)
        await replace_password(session, user, new_hash, keep=signed_in.token_hash)


def token_hash(token: str) -> bytes:
    """What is kept of a cookie's token."""
    return sha256(token.encode(errors="surrogatepass")).digest()


async def find_sign_in(session: Session, token: str) -> SignedIn | None:
    """Who is signed in with `token`: None when nobody is, the sign-in has expired or the user is inactive."""
    query = (
        select(User, SignIn.expires_at)
        .join(SignIn, SignIn.user_id == User.id)
        .where(SignIn.token_hash == token_hash(token), SignIn.expires_at > now(), User.active)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else SignedIn(row[0], token_hash(token), row[1])


async def extend_sign_in(session: WriteSession, signed_in: SignedIn, lifetime: timedelta) -> datetime:
    """Let a sign-in that is in use last for `lifetime` from now."""
    expires_at = now() + lifetime
    await session.execute(
        update(SignIn).where(SignIn.token_hash == signed_in.token_hash).values(expires_at=expires_at)
    )
    return expires_at


async def sign_out(session: WriteSession, token: str) -> None:
    """End the sign-in with `token`, if there is one."""
    await session.execute(delete(SignIn).where(SignIn.token_hash == token_hash(token)))


async def _begin(session: WriteSession, account: str, address: str) -> _Attempt:
    account = storable(fields.normal_account(account), 255)
    address = _network(address)
    await repository.lock_name(session, "sign-in account", account)
    await repository.lock_name(session, "sign-in address", address)
    await _refuse_past(session, SignInFailure.account == account, FAILURES_PER_ACCOUNT)
    await _refuse_past(session, SignInFailure.address == address, FAILURES_PER_ADDRESS)
    failure = SignInFailure(account=account, address=address, failed_at=now())
    session.add(failure)
    await session.flush()
    user = await repository.user_by_account(session, account)
    if user is None or not user.active:
        return _Attempt(failure.id, account, None, None)
    return _Attempt(failure.id, account, user.id, user.password_hash)


async def _refuse_past(session: WriteSession, whose: ColumnElement[bool], limit: int) -> None:
    """Raise `Limited` when the last `limit` failures all lie within the window."""
    query = (
        select(SignInFailure.failed_at)
        .where(whose)
        .order_by(SignInFailure.failed_at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    oldest = await session.scalar(query)
    if oldest is None or (wait := (oldest + WINDOW - now()).total_seconds()) <= 0:
        return
    minutes = max(1, round(wait / 60))
    raise Limited(
        f"Too many attempts to sign in failed. Try again in {minutes} minutes.",
        code="too_many_attempts",
        details={"count": minutes},
        retry_after=wait,
    )


async def _check(attempt: _Attempt, password: str) -> tuple[int, str | None]:
    """The user whose password it is, and a new hash of it when the parameters have changed."""
    right = await verify_password(attempt.password_hash, password)
    if not right or attempt.user_id is None or attempt.password_hash is None:
        raise Unauthenticated(WRONG, code="wrong_password")
    if needs_rehash(attempt.password_hash):
        return attempt.user_id, await hash_password(password)
    return attempt.user_id, None


async def _unchanged_user(session: WriteSession, user_id: int, attempt: _Attempt) -> User:
    """The user, locked, unless they were changed while the password was checked."""
    user = await get_user(session, user_id, lock=True)
    if not user.active or user.password_hash != attempt.password_hash:
        raise Unauthenticated(WRONG, code="wrong_password")
    return user


async def _forget_failures(session: WriteSession, attempt: _Attempt) -> None:
    """A right password clears what was held against the account, this attempt included."""
    await session.execute(
        delete(SignInFailure).where(
            SignInFailure.account == attempt.account, SignInFailure.id <= attempt.failure_id
        )
    )


async def _delete_expired(session: WriteSession) -> None:
    """Sweep old rows, skipping those that another process is sweeping: nobody waits or deadlocks."""
    old_failures = select(SignInFailure.id).where(SignInFailure.failed_at < now() - WINDOW)
    await session.execute(
        delete(SignInFailure).where(
            SignInFailure.id.in_(old_failures.limit(1000).with_for_update(skip_locked=True))
        )
    )
    old_sign_ins = select(SignIn.token_hash).where(SignIn.expires_at < now())
    await session.execute(
        delete(SignIn).where(
            SignIn.token_hash.in_(old_sign_ins.limit(1000).with_for_update(skip_locked=True))
        )
    )


def _network(address: str) -> str:
    """The address that attempts are counted by: of IPv6 the /64, because one host has all of that."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return storable(address, 64)
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
