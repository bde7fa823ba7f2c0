"""Authentication: the request's activation code, looked up in a cache that is at most 2 s old."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from daybook.accounts import codes
from daybook.accounts import service as accounts
from daybook.accounts.service import CodeGrant
from daybook.db.engine import Database
from daybook.gateway.errors import Refusal, database_unavailable
from daybook.kit.clock import now

FRESH = 1.0
"""Seconds after which a code in use is looked up again, in the background."""

STALE = 1.7
"""Seconds after which a call waits for the lookup: a revocation takes effect everywhere within 2 s."""

_PATIENCE = 10.0  # seconds after which a database that does not answer counts as unavailable
_REMEMBERED = 50_000  # codes; an entry takes about 500 bytes
_NEVER = float("-inf")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """A cached code: its grant, and the time of the lookup."""

    grant: CodeGrant | None = None
    asked: float = _NEVER
    asking: asyncio.Task[None] | None = None


def shown_code(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """Return the code, from the place where the caller's SDK puts its key."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or query.get("key")


class Codes:
    """Activation codes by their hash. Without the database, cached codes stay valid."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, _Known] = {}
        self.refused = 0
        """Requests without a valid code: counted, not logged, so that a flood of them fills no disk."""

    async def grant(self, code: str | None) -> CodeGrant:
        """Return the grant of `code`. Raises `Refusal` (401) if it is missing, unknown, expired or revoked."""
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
            raise Refusal(401, "invalid_code", "This activation code is unknown. Check that it is complete.")
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
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = _Known()
        age = time.monotonic() - known.asked
        if age > FRESH:
            if known.asking is None or known.asking.done():
                known.asking = asyncio.create_task(self._ask(key, known), name="code")
            if age > STALE:
                await asyncio.wait({known.asking}, timeout=_PATIENCE)
        if known.asked == _NEVER:
            raise database_unavailable()
        return known.grant

    async def _ask(self, key: bytes, known: _Known) -> None:
        """Look a code up. Without the database, its cached grant stays."""
        asked = time.monotonic()
        try:
            async with self._database.read() as session:
                known.grant = await accounts.find_code(session, key)
            known.asked = asked
        except (SQLAlchemyError, OSError) as problem:
            log.warning("A code could not be looked up: %s", type(problem).__name__)
