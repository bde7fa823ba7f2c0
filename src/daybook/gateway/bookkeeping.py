"""The gateway's side of the journal: a call is opened before a byte of it goes to a provider, noted while it streams,
and closed before its caller can know that it is over.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from uuid import UUID

from daybook.gateway.call_record import closed, opened
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange
from daybook.ledger.journal import Journal, JournalFull

NOTED_EVERY = 1.0
"""Seconds between notes of what has come of the streams that are under way."""


class Bookkeeper:
    """Writes the calls of this process into its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._streams: dict[UUID, Exchange] = {}

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncGenerator["Bookkeeper"]:
        """Note what streams bring while the block runs; the journal ends with it."""
        noting = asyncio.create_task(self._note_streams(), name="stream notes")
        try:
            yield self
        finally:
            noting.cancel()
            self._journal.close()

    async def open(self, exchange: Exchange) -> None:
        """Write down that a call is about to be sent. Raises `Refusal` (503) where that cannot be written."""
        self._open(exchange)
        if exchange.stream:
            self._streams[exchange.id] = exchange
        await self._journal.durable()

    def close(self, exchange: Exchange) -> None:
        """Write down how a call ended. One that was never sent is opened and closed at once."""
        self._streams.pop(exchange.id, None)
        if not exchange.opened:
            with contextlib.suppress(Refusal):
                self._open(exchange)
        if exchange.opened:
            header, body, essential = closed(exchange)
            self._journal.close_call(exchange.id, header, body, essential=essential)

    async def durable(self) -> None:
        """Return when what was written is as safe as the settings ask for."""
        await self._journal.durable()

    def _open(self, exchange: Exchange) -> None:
        header, body = opened(exchange)
        try:
            self._journal.open_call(exchange.id, header, body)
        except JournalFull as problem:
            exchange.target = None  # it is not sent
            words = f"Daybook cannot write calls down at the moment, so it takes none. {problem}"
            raise Refusal(503, "journal_full", words, retry_after=5) from None
        exchange.opened = True

    async def _note_streams(self) -> None:
        while True:
            await asyncio.sleep(NOTED_EVERY)
            for exchange in self._streams.values():
                if len(exchange.answer) > exchange.noted:
                    self._journal.progress(exchange.id, b"{}", bytes(exchange.answer[exchange.noted :]))
                    exchange.noted = len(exchange.answer)
