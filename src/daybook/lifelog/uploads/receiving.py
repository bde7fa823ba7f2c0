"""Receiving of bytes into a staged file: hashed and written in a thread while the next ones arrive.

Memory is bounded: one batch is gathered while another is written. If the disk is slower than the client, reading from
the connection pauses.
"""

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from hashlib import sha256
from typing import Protocol

from daybook.kit import failpoints
from daybook.lifelog.uploads.errors import TOO_LARGE, TusError
from daybook.lifelog.uploads.staging import Staged

BATCH = 2 * 2**20
"""Bytes handed to the thread at a time."""

SILENCE = 30.0
"""Seconds without data after which the client counts as gone."""


class Digest(Protocol):
    """A hash of hashlib."""

    def update(self, data: bytearray, /) -> None:
        """Add bytes."""
        ...

    def digest(self) -> bytes:
        """The hash of all bytes so far."""
        ...


class Progress:
    """State of an upload in this process: the hash of its bytes up to `offset`."""

    def __init__(self) -> None:
        self.offset = 0
        self.hash = sha256()

    def copy(self) -> "Progress":
        """Return an independent copy."""
        other = Progress()
        other.offset, other.hash = self.offset, self.hash.copy()
        return other


class Receiver:
    """One request that sends bytes.

    `interrupt` ends it if it is silent: a client whose connection broke returns before the loss is noticed here.
    """

    def __init__(
        self, staged: Staged, progress: Progress | None, part: Digest | None, threads: Executor
    ) -> None:
        self.task = asyncio.current_task()
        self.gone = asyncio.Event()
        """Set when the request has released the file."""
        self.offset = staged.size
        self._staged = staged
        self._progress = progress
        self._part = part
        self._threads = threads
        self._loop: AbstractEventLoop = asyncio.get_running_loop()
        self._batch = bytearray()
        self._writing: Future[None] | None = None
        self._silence: asyncio.Timeout | None = None
        self._heard_at = self._loop.time()

    async def receive(self, body: AsyncIterator[bytes], most: int) -> None:
        """Receive `body`, at most `most` bytes. Bytes received before a failure are written.

        Raises `TusError` if there are more, `TimeoutError` if none arrive, `OSError` if the disk fails, and whatever
        `body` raises.
        """
        try:
            async with asyncio.timeout(SILENCE) as self._silence:
                async for data in body:
                    self._heard_at = self._loop.time()
                    self._silence.reschedule(self._heard_at + SILENCE)
                    most -= len(data)
                    if most < 0:
                        raise too_long()
                    self._batch += data
                    if len(self._batch) >= BATCH:
                        await self._hand_over()
        finally:
            self._silence = None
            await self._end()

    def interrupt(self, silent_for: float) -> bool:
        """End the request if it was silent for `silent_for` seconds. True if it is ending."""
        silence = self._silence
        if silence is None or silence.expired() or self._loop.time() - self._heard_at < silent_for:
            return False
        silence.reschedule(self._loop.time())
        return True

    async def _hand_over(self) -> None:
        await self._written()
        batch, self._batch = self._batch, bytearray()
        self._writing = self._loop.run_in_executor(self._threads, self._write, batch)

    async def _written(self) -> None:
        """Wait for the batch being written. Cancellation does not stop the thread."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
            self._writing = None

    async def _end(self) -> None:
        """Write the rest and sync it to the disk before the client gets an answer."""
        await self._hand_over()
        await self._written()
        await self._loop.run_in_executor(self._threads, self._staged.sync)

    def _write(self, batch: bytearray) -> None:
        """Write a batch, in the thread."""
        failpoints.point("upload.write.before")
        self._staged.write(batch, self.offset)
        self.offset += len(batch)
        failpoints.point("upload.write.after")
        if self._part is not None:
            self._part.update(batch)
        if self._progress is not None:
            self._progress.hash.update(batch)
            self._progress.offset += len(batch)


def too_long() -> TusError:
    """Return the error for more bytes than announced."""
    return TusError(
        TOO_LARGE, "too_long", "More bytes were received than Upload-Length announced. Create a new upload."
    )
