"""Activation codes as text: `daybook_`, 26 random characters (130 bits), 6 characters of checksum.

The checksum rejects mistyped and truncated codes without a query. `public_id` is drawn independently, so that logs
that show it reveal nothing about the code.
"""

import secrets
from hashlib import sha256
from zlib import crc32

PREFIX = "daybook_"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no look-alikes
RANDOM_CHARACTERS = 26
CHECKSUM_CHARACTERS = 6
LENGTH = len(PREFIX) + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS

_PREFIX = PREFIX.encode()
_PAIRS = [(left + right).encode() for left in ALPHABET for right in ALPHABET]


def new_code() -> tuple[str, str, bytes]:
    """Return a new code, its public id, and the hash to store."""
    body = _PREFIX + _random(RANDOM_CHARACTERS).encode()
    code = body + _checksum(body)
    return code.decode(), f"db_{_random(12)}", sha256(code).digest()


def code_hash(code: str | bytes) -> bytes | None:
    """The SHA-256 of `code`; None if it is malformed. Every call through the gateway runs this."""
    if len(code) != LENGTH:
        return None
    if isinstance(code, str):
        if not code.isascii():
            return None
        code = code.encode()
    if not code.startswith(_PREFIX) or _checksum(code[:-CHECKSUM_CHARACTERS]) != code[-CHECKSUM_CHARACTERS:]:
        return None
    return sha256(code).digest()


def _random(characters: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(characters))


def _checksum(body: bytes) -> bytes:
    """30 bits of CRC-32, which detect every error within six adjacent characters."""
    value = crc32(body)
    return _PAIRS[value >> 20 & 1023] + _PAIRS[value >> 10 & 1023] + _PAIRS[value & 1023]
