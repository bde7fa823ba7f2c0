"""`Idempotency-Key` at the gateway: a request that is sent again under its key gets the first answer again."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from daybook.gateway.call.exchange import Exchange
from daybook.gateway.errors import Refusal, database_unavailable
from daybook.kit import failpoints
from daybook.ledger.idempotency import Busy, Fresh, IdempotencyStore, Mismatch, Replay, hash_of_key

HEADER = "idempotency-key"
_LONGEST = 255
_PATIENCE = 120.0  # seconds to wait for the first call to end

log = logging.getLogger(__name__)


class Repeatable:
    """A call that was made under a key. What its caller is sent is kept beside the call and given to `keep`."""

    def __init__(self, store: IdempotencyStore, exchange: Exchange, code_id: int, key: str) -> None:
        self._store = store
        self._exchange = exchange
        self._code_id = code_id
        self._key = key
        self._open = True
        exchange.sent = bytearray()
        exchange.repeat = code_id, hash_of_key(key).hex()

    async def keep(self, rest: bytes) -> None:
        """Keep the answer, of which `rest` is still to be sent, if it is one to give again: not that of a failure."""
        exchange = self._exchange
        if exchange.error is not None or exchange.sent is None:
            await self.give_back()
            return
        self._open = False
        body, headers = bytes(exchange.sent + rest), {"content-type": exchange.media_type}
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
                "The answer to call %s is kept for repeats when it is shipped: %s",
                exchange.id,
                type(problem).__name__,
            )
        failpoints.point("idempotency.keep.after")

    async def give_back(self) -> None:
        """Give the key back, unless the answer is kept: the call was not made, or failed."""
        if not self._open:
            return
        self._open = False
        try:
            await self._store.abandon(self._code_id, self._key, self._exchange.id)
        except (SQLAlchemyError, OSError) as problem:  # it is given back when this process is found dead
            log.warning("The key of call %s is not given back: %s", self._exchange.id, type(problem).__name__)


async def first_or_again(
    store: IdempotencyStore, exchange: Exchange, owner: str
) -> Repeatable | Replay | None:
    """None without a key; else the call as the first of its key, or the first one's answer.

    Raises `Refusal`: 400 where keys are refused, 422 when the key came with another request, 409 when the first call
    does not end, 503 when the database is away.
    """
    key, code_id = exchange.headers.get(HEADER), exchange.grant.id
    if not key or code_id is None:
        return None
    if len(key) > _LONGEST:
        raise Refusal(
            400, "bad_idempotency_key", f"Idempotency-Key may have {_LONGEST} characters.", param=HEADER
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
            return Repeatable(store, exchange, code_id, key)
        case Replay(body=None):
            words = "The first answer under this Idempotency-Key was too large to be kept. Use another key."
            raise Refusal(409, "answer_not_kept", words, param=HEADER)
        case Replay():
            return outcome
        case Mismatch():
            words = "This Idempotency-Key was used for another request. Use a new key for a new request."
            raise Refusal(422, "idempotency_mismatch", words, param=HEADER)
        case Busy():
            words = "The first request under this Idempotency-Key has not ended yet. Try again later."
            raise Refusal(409, "idempotency_busy", words, retry_after=5, param=HEADER)
