"""Password hashing with argon2id, in two threads.

The parameters (19 MiB, two passes, one lane) are those of the OWASP Password Storage Cheat Sheet. Two threads bound
the memory of concurrent sign-ins to 38 MiB.
"""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from daybook.accounts.codes import ALPHABET
from daybook.kit.errors import Invalid

P = ParamSpec("P")
R = TypeVar("R")

SHORTEST = 8
LONGEST = 256  # characters; long enough for any phrase, short enough to normalise and hash at once

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")

# Checked for an unknown account, so that the response takes as long as for an existing one.
_NOBODY = _HASHER.hash(secrets.token_bytes(16))


def random_password() -> str:
    """A readable random password: four groups of four characters, 80 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def acceptable(password: str) -> str:
    """Return `password`. Raises `Invalid` if it is too short, too long or not text."""
    if len(password) > LONGEST:
        raise Invalid(
            f"The password is too long: at most {LONGEST} characters.",
            code="password_too_long",
            details={"most": LONGEST},
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise Invalid(
            "The password contains control characters; use letters, digits, signs and spaces.",
            code="password_unusable",
        )
    if len(password) < SHORTEST:
        raise Invalid(
            f"The password is too short: at least {SHORTEST} characters.",
            code="password_too_short",
            details={"least": SHORTEST},
        )
    return password


async def hash_password(password: str) -> str:
    """The argon2id hash of an acceptable password. Raises `Invalid`."""
    return await _in_thread(_HASHER.hash, _bytes(acceptable(password)))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """True if `password` matches `password_hash`. None takes as long and never matches."""
    if len(password) > LONGEST:
        password = ""
    right = await _in_thread(_matches, password_hash or _NOBODY, _bytes(password))
    return right and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """True if the hash has other parameters than the current ones."""
    return _HASHER.check_needs_rehash(password_hash)


def _matches(password_hash: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    # The same bytes however a keyboard composes characters (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")


async def _in_thread(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    work = partial(function, *arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
