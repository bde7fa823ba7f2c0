"""Requests repeated under the same `Idempotency-Key`: the first answer again, and one line in the ledger.

A key belongs to a code and is valid for `KEPT`. The call that takes a key owns it until it is closed. `owner` is the
journal of its process: when that journal is found dead, its open keys are released (`abandon_all_of`). If the first
call was never closed, the repeat runs again and both are counted.

Invariants:

- Of all processes that begin the same key at the same time one gets `Fresh`; the others get `Busy` until it has ended.
- An answer is kept for the call that owns the key. A call that lost its key changes nothing.
- A success in the ledger is kept: by the gateway before its caller has all of it, else by the shipper.
- Kept answers obey the redaction setting. If all content is redacted, no answer could be repeated: see `REFUSAL`.
"""

import asyncio
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import JSONB

from daybook.db.engine import Database
from daybook.kit.errors import Invalid
from daybook.redaction import Redact, redact_bytes

KEPT = timedelta(hours=24)
"""The validity of a key, from the first call on."""

LARGEST = 8 * 2**20
"""Bytes of an answer that are kept, as many as the gateway keeps of a stream."""

REFUSAL = (
    "Idempotency-Key cannot be used here: DAYBOOK_REDACT=content keeps nothing of what was said, so the first "
    "answer could not be given again. Send the request without it."
)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.03, 0.5  # seconds between two looks at a call that others make


@dataclass(frozen=True, slots=True)
class Fresh:
    """The key was free: make the call, then `finish` or `abandon`."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The call was made and this is its answer. `body` is None if it was too large to keep."""

    call_id: UUID
    status: int
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Busy:
    """The call is being made."""

    call_id: UUID
    owner: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used for another request."""

    call_id: UUID


Outcome = Fresh | Replay | Busy | Mismatch


class IdempotencyStore:
    """The keys and the first answers, in the database."""

    def __init__(self, database: Database, redact: Redact = Redact.OFF) -> None:
        self._database = database
        self._redact = redact

    @property
    def refusal(self) -> str | None:
        """The reason why keys are refused; None if they are accepted."""
        return REFUSAL if self._redact is Redact.CONTENT else None

    async def begin(
        self, code_id: int, key: str, request: bytes, *, path: str, call_id: UUID, owner: str
    ) -> Outcome:
        """Take `key` for the call `call_id`, or return the state of the call that has it.

        `request` and `path` identify a request. `owner` is the journal of this process. Raises `Invalid` if keys are
        refused (`refusal`).
        """
        if self._redact is Redact.CONTENT:
            raise Invalid(REFUSAL, code="idempotency_refused")
        key_hash, request_hash = hash_of_key(key), _hash(path.encode() + b"\0" + request)
        values = {
            "code_id": code_id,
            "key_hash": key_hash,
            "request_hash": request_hash,
            "call_id": call_id,
            "owner": owner,
            "kept": KEPT,
        }
        while True:
            async with self._database.write() as session:
                if (await session.execute(_TAKE, values)).first() is not None:
                    return Fresh()
                row = (await session.execute(_LOOK, {"code_id": code_id, "key_hash": key_hash})).first()
            if row is None:
                continue  # it was given back between the two statements
            if row.request_hash != request_hash:
                return Mismatch(row.call_id)
            if not row.closed:
                return Busy(row.call_id, row.owner)
            return Replay(row.call_id, row.status, row.headers, row.body)

    async def begin_or_wait(
        self,
        code_id: int,
        key: str,
        request: bytes,
        *,
        path: str,
        call_id: UUID,
        owner: str,
        seconds: float,
    ) -> Outcome:
        """As `begin`; while the call is being made, wait for its end for up to `seconds`, then it is `Busy`."""
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while True:
            outcome = await self.begin(code_id, key, request, path=path, call_id=call_id, owner=owner)
            left = deadline - time.monotonic()
            if not isinstance(outcome, Busy) or left <= 0:
                return outcome
            await asyncio.sleep(min(pause * random.uniform(0.8, 1.2), left))  # noqa: S311  (no secret)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def finish(
        self,
        code_id: int,
        key: str,
        call_id: UUID,
        *,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        pieces: re.Pattern[str] | None = None,
    ) -> bool:
        """Keep the answer to `call_id`. `pieces` is as in `redact_bytes`. False if the key is not its own any more."""
        kept = redact_bytes(self._redact, body, pieces)
        return await self._change(
            _FINISH,
            code_id=code_id,
            key_hash=hash_of_key(key),
            call_id=call_id,
            status=status,
            headers=orjson.dumps(dict(headers)).decode(),
            body=kept if len(kept) <= LARGEST else None,
        )

    async def abandon(self, code_id: int, key: str, call_id: UUID) -> bool:
        """Give the key back: the call was not made, or its answer is not one to give again."""
        return await self._change(_ABANDON, code_id=code_id, key_hash=hash_of_key(key), call_id=call_id)

    async def abandon_all_of(self, owner: str) -> int:
        """Give back every open key of a process that is dead. Returns how many there were."""
        async with self._database.write() as session:
            rows = await session.execute(_ABANDON_ALL, {"owner": owner})
            return len(rows.all())

    async def sweep(self) -> int:
        """Forget keys that are too old to count. Returns how many there were."""
        async with self._database.write() as session:
            return len((await session.execute(_SWEEP)).all())

    async def _change(self, statement: TextClause, **values: object) -> bool:
        async with self._database.write() as session:
            return (await session.execute(statement, values)).first() is not None


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as its journal has it, for the key that its call owns."""

    code_id: int
    key_hash: bytes
    call_id: UUID
    status: int
    headers: dict[str, str]
    body: bytes | None
    """None if it is too large to keep."""


async def keep_answers(connection: asyncpg.Connection, answers: Sequence[KeptAnswer]) -> None:
    """Keep answers that are not kept yet, in the transaction that writes their lines: a gateway may have been killed
    before `finish`, or the database was unavailable.
    """
    if not answers:
        return
    rows = [
        (
            one.code_id,
            one.key_hash,
            one.call_id,
            one.status,
            orjson.dumps(one.headers).decode(),
            one.body if one.body is not None and len(one.body) <= LARGEST else None,
        )
        for one in answers
    ]
    await connection.executemany(_KEEP, rows)


def hash_of_key(key: str) -> bytes:
    """Return the stored form of a key."""
    return _hash(key.encode())


def _hash(data: bytes) -> bytes:
    return sha256(data).digest()


# An expired key counts as free, open or closed.
_TAKE = text(
    """
    INSERT INTO idempotent_calls (code_id, key_hash, request_hash, call_id, owner, expires_at)
    VALUES (:code_id, :key_hash, :request_hash, :call_id, :owner, now() + :kept)
    ON CONFLICT (code_id, key_hash) DO UPDATE
    SET request_hash = excluded.request_hash, call_id = excluded.call_id, owner = excluded.owner, closed = false,
        status = NULL, headers = NULL, body = NULL, created_at = now(), expires_at = excluded.expires_at
    WHERE idempotent_calls.expires_at <= now()
    RETURNING call_id
    """
)
_LOOK = text(
    """
    SELECT request_hash, call_id, owner, closed, status, headers, body
    FROM idempotent_calls WHERE code_id = :code_id AND key_hash = :key_hash
    """
).columns(headers=JSONB)
_FINISH = text(
    """
    UPDATE idempotent_calls
    SET closed = true, status = :status, headers = CAST(:headers AS jsonb), body = :body
    WHERE code_id = :code_id AND key_hash = :key_hash AND call_id = :call_id
    RETURNING call_id
    """
)
_KEEP = """
UPDATE idempotent_calls SET closed = true, status = $4, headers = $5::text::jsonb, body = $6
WHERE code_id = $1 AND key_hash = $2 AND call_id = $3 AND NOT closed
"""
_ABANDON = text(
    """
    DELETE FROM idempotent_calls
    WHERE code_id = :code_id AND key_hash = :key_hash AND call_id = :call_id AND NOT closed
    RETURNING call_id
    """
)
_ABANDON_ALL = text("DELETE FROM idempotent_calls WHERE owner = :owner AND NOT closed RETURNING call_id")
_SWEEP = text("DELETE FROM idempotent_calls WHERE expires_at <= now() RETURNING call_id")
