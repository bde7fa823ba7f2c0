"""`Idempotency-Key`: a request that is repeated under its key gets the first answer again."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from daybook.gateway.errors import Refusal, database_unavailable
from daybook.gateway.exchange import Exchange
from daybook.kit import failpoints
from daybook.ledger.idempotency import Busy, Fresh, IdempotencyStore, Mismatch, Replay, hash_of_key

HEADER = "idempotency-key"
_LONGEST = 255
_PATIENCE = 120.0  # seconds to wait for the first call to end

log = logging.getLogger(__name__)


class IdempotentCall:
    """The first call under a key. The bytes that its caller is sent are collected for `store`."""

    def __init__(self, store: IdempotencyStore, exchange: Exchange, code_id: int, key: str) -> None:
        self._store = store
        self._exchange = exchange
        self._code_id = code_id
        self._key = key
        self._open = True
        exchange.sent_bytes = bytearray()
        exchange.idempotency = code_id, hash_of_key(key).hex()

    async def store(self, rest: bytes) -> None:
        """Store the answer, of which `rest` is still to be sent. A failure releases the key instead."""
        exchange = self._exchange
        if exchange.error is not None or exchange.sent_bytes is None:
            await self.release_key()
            return
        self._open = False
        body, headers = bytes(exchange.sent_bytes + rest), {"content-type": exchange.media_type}
        failpoints.point("idempotency.keep.before")
        try:
            await self._store.finish(
                self._code_id,
                self._key,
                exchange.id,
                status=exchange.status,
                headers=headers,
                body=body,
                pieces=exchange.streamed_text,
            )
        except (SQLAlchemyError, OSError) as problem:
            log.warning(
                "The answer to call %s is stored for repeats when it is shipped: %s",
                exchange.id,
                type(problem).__name__,
            )
        failpoints.point("idempotency.keep.after")

    async def release_key(self) -> None:
        """Release the key, unless the answer is stored: the call was not made, or failed."""
        if not self._open:
            return
        self._open = False
        try:
            await self._store.abandon(self._code_id, self._key, self._exchange.id)
        except (SQLAlchemyError, OSError) as problem:  # it is released when this process is found dead
            log.warning("The key of call %s is not released: %s", self._exchange.id, type(problem).__name__)


async def claim_key(
    store: IdempotencyStore, exchange: Exchange, owner: str
) -> IdempotentCall | Replay | None:
    """Claim the request's key for this call, or return the answer of its first call; None without a key.

    Raises `Refusal`: 400 if keys are refused, 422 if the key came with another request, 409 if the first call does not
    end, 503 if the database is unavailable.
    """
    key, code_id = exchange.headers.get(HEADER), exchange.grant.id
    if not key or code_id is None:
        return None
    if len(key) > _LONGEST:
        raise Refusal(
            400,
            "bad_idempotency_key",
            f"Idempotency-Key is longer than {_LONGEST} characters. Use a shorter key.",
            param=HEADER,
        )
    if store.refusal is not None:
        raise Refusal(400, "idempotency_refused", store.refusal, param=HEADER)
    try:
        outcome = await store.begin_or_wait(
            code_id,
            key,
            exchange.body,
            path=exchange.path,
            call_id=exchange.id,
            owner=owner,
            seconds=_PATIENCE,
        )
    except (SQLAlchemyError, OSError):
        raise database_unavailable() from None
    match outcome:
        case Fresh():
            failpoints.point("idempotency.take.after")
            return IdempotentCall(store, exchange, code_id, key)
        case Replay(body=None):
            words = "The first answer under this Idempotency-Key was too large to be stored. Use another key."
            raise Refusal(409, "answer_not_kept", words, param=HEADER)
        case Replay():
            return outcome
        case Mismatch():
            words = "This Idempotency-Key was used for another request. Use a new key for a new request."
            raise Refusal(422, "idempotency_mismatch", words, param=HEADER)
        case Busy():
            words = "The first request under this Idempotency-Key has not ended yet. Try again later."
            raise Refusal(409, "idempotency_busy", words, retry_after=5, param=HEADER)
