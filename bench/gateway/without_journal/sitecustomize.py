"""Recording without a journal, for `DaybookInMemory` alone: what the journal costs is the difference.

With this folder in PYTHONPATH, `daybook serve` keeps calls in memory and writes them to PostgreSQL itself, in the same
batches and rows as the shipper. A kill loses what has not been written: nobody should run it but to measure.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

if "serve" in sys.orig_argv:
    import orjson

    import daybook.ledger.journal as journals
    from daybook.db.engine import Database, asyncpg_dsn
    from daybook.ledger.journal import Kind, Record
    from daybook.ledger.shipper import BATCH, JournaledCall
    from daybook.ledger.writer import LedgerWriter
    from daybook.settings import settings
    from llm_tracker.ids import uuid7

    class CallsInMemory:
        """Takes the journal's place."""

        def __init__(self, folder: Path, **options: Any) -> None:
            del folder, options
            self.id = str(uuid7())
            self._open: dict[UUID, tuple[bytes, bytes]] = {}
            self._ended: list[tuple[UUID, tuple[bytes, bytes], tuple[bytes, bytes]]] = []
            self._writing: asyncio.Task[None] | None = None

        def open_call(self, call_id: UUID, header: bytes, body: bytes) -> None:
            """Note that a call began."""
            if self._writing is None:
                self._writing = asyncio.create_task(self._write())
            self._open[call_id] = (header, body)

        def progress(self, call_id: UUID, header: bytes, body: bytes) -> None:
            """Nothing survives, so nothing is noted."""

        def close_call(self, call_id: UUID, header: bytes, body: bytes, *, essential: bytes) -> None:
            """Let it be written."""
            del essential
            self._ended.append((call_id, self._open.pop(call_id), (header, body)))

        async def durable(self) -> None:
            """Nothing is."""

        def close(self) -> None:
            """End writing."""
            if self._writing is not None:
                self._writing.cancel()

        async def _write(self) -> None:
            from daybook.shipping import Accountant  # noqa: PLC0415  (it imports what imports the journal)

            chosen = settings()
            url = chosen.database_url or ""
            writer = LedgerWriter(asyncpg_dsn(url), chosen.data / "quarantine")
            accountant = Accountant(Database.connect(url, pool=1))
            while True:
                batch, self._ended = self._ended[:BATCH], self._ended[BATCH:]
                if batch:
                    await accountant.refresh()
                    await writer.write([accountant.entry(self._call(*call)) for call in batch])
                if len(batch) < BATCH:
                    await asyncio.sleep(0.1 if batch else 0.03)

        def _call(
            self, call_id: UUID, opened: tuple[bytes, bytes], closed: tuple[bytes, bytes]
        ) -> JournaledCall:
            first, last = (
                Record(kind, call_id.bytes, orjson.loads(header), body)
                for kind, (header, body) in ((Kind.OPENED, opened), (Kind.CLOSED, closed))
            )
            return JournaledCall(self.id, 0, first, closed=last)

    journals.Journal = CallsInMemory  # pyright: ignore[reportAttributeAccessIssue]
