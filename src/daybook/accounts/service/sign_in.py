"""Sign-in: a cookie, of which the SHA-256 is stored, and limits on failed attempts.

Two limits apply over fifteen minutes: ten failures per account and fifty per address. An attempt is stored as a
failure *before* the password is checked and deleted if it was right, under locks on the account and the address.
So concurrent attempts cannot pass the limit, and no database connection waits while a password is hashed.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from sqlalchemy import ColumnElement

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
    """A signed-in user and their sign-in."""

    user: User
    token_hash: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewSignIn:
    """A new sign-in. `token` goes into the cookie and is not stored."""

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
    """Sign in with a password, from `address`, in its own transactions.

    Raises `Unauthenticated`, with the same message after the same time for an unknown account, a wrong password and
    an inactive user, and `Limited` after too many failures.
    """
    async with database.write() as session:
        attempt = await _begin(session, account, address)
    user_id, new_hash = await _check(attempt, password)
    async with database.write() as session:
        user = await _unchanged_user(session, user_id, attempt)
        if new_hash is not None:
            user.password_hash = new_hash
        await repository.delete_failures(session, attempt.account, attempt.failure_id)
        await repository.delete_expired(session, now() - WINDOW)
        token = secrets.token_urlsafe(32)
        expires_at = now() + lifetime
        session.add(SignIn(token_hash=token_hash(token), user_id=user.id, expires_at=expires_at))
    return NewSignIn(user, token, expires_at)


async def change_password(
    database: Database, signed_in: SignedIn, current: str, new: str, *, address: str
) -> None:
    """Change one's own password and end every other sign-in, in its own transactions.

    Raises `Invalid` if the current password is wrong or the new one is unacceptable, and `Limited` as `sign_in`.
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
        await repository.delete_failures(session, attempt.account, attempt.failure_id)
        await replace_password(session, user, new_hash, keep=signed_in.token_hash)


def token_hash(token: str) -> bytes:
    """The stored hash of a cookie's token."""
    return sha256(token.encode(errors="surrogatepass")).digest()


async def find_sign_in(session: Session, token: str) -> SignedIn | None:
    """Return the sign-in of `token`; None if it is unknown or expired, or its user inactive."""
    found = await repository.sign_in(session, token_hash(token))
    return None if found is None else SignedIn(found[0], token_hash(token), found[1])


async def extend_sign_in(session: WriteSession, signed_in: SignedIn, lifetime: timedelta) -> datetime:
    """Extend a sign-in to `lifetime` from now."""
    expires_at = now() + lifetime
    await repository.extend_sign_in(session, signed_in.token_hash, expires_at)
    return expires_at


async def sign_out(session: WriteSession, token: str) -> None:
    """End the sign-in of `token`, if it exists."""
    await repository.delete_sign_in(session, token_hash(token))


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
    """Raise `Limited` if the last `limit` failures all lie within the window."""
    oldest = await repository.nth_last_failure(session, whose, limit)
    if oldest is None or (wait := (oldest + WINDOW - now()).total_seconds()) <= 0:
        return
    minutes = max(1, round(wait / 60))
    raise Limited(
        f"Too many sign-in attempts failed. Try again in {minutes} minutes.",
        code="too_many_attempts",
        details={"count": minutes},
        retry_after=wait,
    )


async def _check(attempt: _Attempt, password: str) -> tuple[int, str | None]:
    """The id of the user, and a new hash if the hash parameters have changed. Raises `Unauthenticated`."""
    right = await verify_password(attempt.password_hash, password)
    if not right or attempt.user_id is None or attempt.password_hash is None:
        raise Unauthenticated(WRONG, code="wrong_password")
    if needs_rehash(attempt.password_hash):
        return attempt.user_id, await hash_password(password)
    return attempt.user_id, None


async def _unchanged_user(session: WriteSession, user_id: int, attempt: _Attempt) -> User:
    """Lock the user. Raises `Unauthenticated` if it changed while the password was checked."""
    user = await get_user(session, user_id, lock=True)
    if not user.active or user.password_hash != attempt.password_hash:
        raise Unauthenticated(WRONG, code="wrong_password")
    return user


def _network(address: str) -> str:
    """The address under which attempts are counted: of IPv6 the /64, as one host has all of it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return storable(address, 64)
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
