"""Recorder: journals a call before it is sent, while it streams, and at its end before the caller sees it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from uuid import UUID

from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange
from daybook.gateway.recording.journal_records import closed, noted, opened
from daybook.kit.loops import every
from daybook.ledger.journal import Journal, JournalFull
from daybook.ledger.prices import PriceTable
from daybook.redaction import Redact
from llm_tracker.usage import Usage

log = logging.getLogger(__name__)

NOTED_EVERY = 1.0
"""Seconds between records of the streams in progress."""


class Recorder:
    """Writes the calls of this process to its journal, and releases what they hold of budgets."""

    def __init__(self, journal: Journal, redact: Redact = Redact.OFF) -> None:
        self.id = journal.id
        self._journal = journal
        self._redact = redact
        self._streams: dict[UUID, Exchange] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator["Recorder"]:
        """Record streams in progress while the block runs; close the journal at its end."""
        stop = asyncio.Event()
        noting = asyncio.create_task(
            every(NOTED_EVERY, self._note_streams, stop, "Noting streams", first=NOTED_EVERY)
        )
        try:
            yield self
        finally:
            noting.cancel()
            self._journal.close()

    async def open(self, exchange: Exchange) -> None:
        """Record that a call is about to be sent. Raises `Refusal` (503) if the journal is full."""
        self._open(exchange)
        if exchange.stream:
            self._streams[exchange.id] = exchange
        await self._journal.durable()

    def close(self, exchange: Exchange, prices: PriceTable) -> None:
        """Record the end of a call. One that was never sent is opened and closed at once."""
        self._streams.pop(exchange.id, None)
        sent = exchange.opened
        if not sent:
            exchange.hold.cancel()
            with contextlib.suppress(Refusal):
                self._open(exchange)
        if exchange.opened:
            if sent and exchange.hold.parts:
                _take(exchange, prices)
            header, body, essential = closed(exchange, self._redact)
            self._journal.close_call(exchange.id, header, body, essential=essential)
        exchange.hold.close()

    async def durable(self) -> None:
        """Return once the records are as durable as the settings require."""
        await self._journal.durable()

    def _open(self, exchange: Exchange) -> None:
        header, body = opened(exchange, self._redact)
        try:
            self._journal.open_call(exchange.id, header, body)
        except JournalFull as problem:
            exchange.target = None  # it is not sent
            words = f"Daybook cannot write calls down at the moment, so it accepts none. {problem}"
            raise Refusal(503, "journal_full", words, retry_after=5) from None
        exchange.opened = True

    async def _note_streams(self) -> None:
        for exchange in self._streams.values():
            note = noted(exchange, self._redact)
            if note is not None:
                self._journal.progress(exchange.id, *note)


def _take(exchange: Exchange, prices: PriceTable) -> None:
    """Lower the hold to the call's usage, if it is known; else it stays until it is settled."""
    usage, target = exchange.usage or (None if exchange.reached else Usage()), exchange.target
    if usage is None or target is None or (exchange.streamed and exchange.error is not None):
        return  # a stream that broke off used at least what it reported
    if exchange.failed_usage is not None:
        usage += exchange.failed_usage
    try:
        cost = prices.cost(target.model, usage, provider=target.config.provider.name, at=exchange.created_at)
    except Exception:
        log.exception(
            "The price of call %s could not be worked out; its hold stays until it is settled.", exchange.id
        )
        cost = None
    exchange.hold.take(usage.total_tokens, cost)
