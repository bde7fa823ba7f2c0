"""Who is calling: the activation code that a request shows, looked up in a cache that revocation empties in
time.
"""

import time
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from daybook.accounts import codes
from daybook.accounts import service as accounts
from daybook.accounts.service import CodeGrant
from daybook.db.engine import Database
from daybook.gateway.errors import Refusal
from daybook.kit.clock import now

FRESH = 1.5
"""Seconds that a looked-up code is trusted; a revocation is felt everywhere after that, within the 2 s
promised.
"""

_REMEMBERED = 50_000  # codes; an entry takes about 500 bytes


def shown_code(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The code in the place where the caller's SDK puts a key."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or query.get("key")


class Codes:
    """Activation codes by their hash. While the database is away, codes that were good go on being good."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, tuple[float, CodeGrant | None]] = {}
        self.refused = 0
        """Requests without a good code: counted, not logged, so that a flood of them fills no disk."""

    async def grant(self, code: str | None) -> CodeGrant:
        """What `code` allows. Raises `Refusal` (401) for one that is missing, unknown, expired or revoked."""
        if not code:
            self.refused += 1
            raise Refusal(
                401,
                "missing_code",
                "No activation code was sent. Send it as 'Authorization: Bearer <code>' "
                "(or x-api-key, x-goog-api-key, ?key=), where your SDK takes an API key.",
            )
        key = codes.code_hash(code)
        grant = None if key is None else await self._find(key)
        if grant is None:
            self.refused += 1
            raise Refusal(
                401, "invalid_code", "This activation code is not known here. Check it for a missing part."
            )
        if grant.revoked:
            self.refused += 1
            raise Refusal(
                401, "revoked_code", "This activation code was revoked. Ask the administrator for a new one."
            )
        if grant.expires_at is not None and grant.expires_at <= now():
            self.refused += 1
            raise Refusal(
                401, "expired_code", "This activation code has expired. Ask the administrator for a new one."
            )
        return grant

    async def _find(self, key: bytes) -> CodeGrant | None:
        entry = self._known.get(key)
        if entry is not None and time.monotonic() - entry[0] < FRESH:
            return entry[1]
        looked = time.monotonic()
        try:
            async with self._database.read() as session:
                grant = await accounts.find_code(session, key)
        except (SQLAlchemyError, DBAPIError, OSError):
            if entry is not None:
                return entry[1]
            raise Refusal(
                503,
                "database_away",
                "Daybook's database is away, so the code cannot be checked. Try again soon.",
                2,
            ) from None
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = (looked, grant)
        return grant
