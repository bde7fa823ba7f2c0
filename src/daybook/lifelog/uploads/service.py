"""Resumable uploads: a file is received in parts and becomes a recording when complete.

Invariants:

- The staged file is the record of received bytes; no byte is acknowledged before it is on the disk.
- One request at a time sends to an upload, across all processes of this host.
- A rejected file leaves only the reason.
"""

import asyncio
import errno
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha1, sha256
from typing import Any
from uuid import UUID

from daybook.kit.clock import now
from daybook.kit.pagination import Page
from daybook.lifelog.context import Services
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.uploads import repository
from daybook.lifelog.uploads.errors import (
    CHECKSUM_MISMATCH,
    EXPIRED,
    INSUFFICIENT_STORAGE,
    NOT_FOUND,
    OFFSET_MISMATCH,
    REFUSED,
    TIMED_OUT,
    TOO_LARGE,
    TOO_MANY,
    TusError,
    disk_full,
)
from daybook.lifelog.uploads.finishing import finish, refusal
from daybook.lifelog.uploads.metadata import Declared
from daybook.lifelog.uploads.models import Upload
from daybook.lifelog.uploads.receiving import Progress, Receiver, too_long
from daybook.lifelog.uploads.staging import Staged, Staging

ALGORITHMS: dict[str, Any] = {"sha1": sha1, "sha256": sha256}
"""For `Upload-Checksum`."""

MOST_OPEN = 1000
"""Unfinished uploads of one user."""

_STALE = 2.0
"""Seconds of silence after which a returning client replaces its lost connection."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_KEPT = 256
"""Hashes of unfinished uploads kept in memory. Without one, only a comparison is skipped."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """Expected checksum of a part."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload and its number of received bytes."""

    upload: Upload
    offset: int


class Uploads:
    """The uploads of this host, served by one process."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.staging = Staging(services.settings.data)
        self.threads = ThreadPoolExecutor(4, "upload")
        self._progress: dict[UUID, Progress] = {}
        self._receivers: dict[UUID, Receiver] = {}

    async def create(self, user_id: int, length: int, declared: Declared) -> UploadState:
        """Create an upload. If the user already has the file (by SHA-256), it completes at once. Raises `TusError`."""
        if length == 0:
            raise TusError(REFUSED, "empty_file", "The file is empty: there is nothing to ingest.")
        most = self.services.settings.max_upload
        if length > most:
            raise TusError(
                TOO_LARGE,
                "file_too_large",
                f"The file is too large: at most {most:,} bytes.",
                {"most_bytes": most},
            )
        upload = Upload(
            user_id=user_id,
            name=declared.name,
            length=length,
            sha256=declared.sha256,
            details=declared.details,
            expires_at=now() + self._lifetime,
        )
        if declared.sha256 is not None:
            there = await recordings.find_by_checksum(self.services, user_id, declared.sha256)
            if there is not None:
                upload.recording_id, upload.finished_at = there.recording_id, now()
        if upload.finished_at is None:
            await self._check_room(user_id, length)
        async with self.services.database.write() as session:
            session.add(upload)
        return UploadState(upload, 0 if upload.finished_at is None else length)

    async def find(self, user_id: int, upload_id: UUID) -> UploadState:
        """Return a user's upload. Raises `TusError`: 404 if unknown, 410 if expired."""
        async with self.services.database.read() as session:
            upload = await repository.find(session, user_id, upload_id)
        if upload is None:
            raise TusError(NOT_FOUND, "not_found", "There is no such upload.")
        if upload.expires_at <= now():
            raise TusError(EXPIRED, "upload_expired", "This upload has expired. Create a new one.")
        return UploadState(upload, await asyncio.to_thread(self._offset, upload))

    async def list(self, user_id: int, *, page: int, page_size: int) -> Page[UploadState]:
        """Return a user's uploads, newest first."""
        async with self.services.database.read() as session:
            rows, total = await repository.page(session, user_id, page=page, page_size=page_size)
        states = await asyncio.to_thread(lambda: [UploadState(row, self._offset(row)) for row in rows])
        return Page[UploadState].of(states, page=page, page_size=page_size, total=total)

    async def receive(
        self,
        user_id: int,
        upload_id: UUID,
        offset: int,
        body: AsyncIterator[bytes],
        *,
        announced: int | None = None,
        checksum: Checksum | None = None,
    ) -> UploadState:
        """Append `body` at `offset`; `announced` is its stated length. A complete file is ingested.

        Raises `TusError` for a client's mistakes and for a rejected file.
        """
        state = await self.find(user_id, upload_id)
        self._check_offset(state, offset, announced)
        if state.upload.finished_at is not None:
            return state
        await self._take_over(upload_id, _STALE)
        try:
            with self.staging.hold(str(upload_id)) as staged:
                # Anew: it may have been finished, or removed, before the lock was had.
                state = await self.find(user_id, upload_id)
                self._check_offset(state, offset, announced)
                if state.upload.finished_at is None:
                    state = await self._add(state.upload, staged, body, checksum)
        except OSError as problem:
            if problem.errno in _FULL:
                raise disk_full() from problem
            raise
        finally:
            self._release(upload_id)
        return state

    async def remove(self, user_id: int, upload_id: UUID) -> None:
        """End an upload and remove its received bytes. Raises `TusError`."""
        await self.find(user_id, upload_id)
        await self._take_over(upload_id, 0)
        with self.staging.hold(str(upload_id)) as staged:
            async with self.services.database.write() as session:
                await repository.remove(session, upload_id)
            staged.remove()
        self._progress.pop(upload_id, None)

    async def finish(self, upload: Upload, staged: Staged) -> UploadState:
        """Ingest a complete file that is held. Raises `TusError` if it is rejected."""
        progress = self._progress.pop(upload.id, None)
        received = (
            progress.hash.digest() if progress is not None and progress.offset == upload.length else None
        )
        taken = await finish(self.services, upload, staged, received, self.threads)
        upload.recording_id, upload.finished_at = taken.recording_id, now()
        return UploadState(upload, upload.length)

    def close(self) -> None:
        """Shut down the threads."""
        self.threads.shutdown(wait=False)

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(days=self.services.settings.upload_days)

    async def _check_room(self, user_id: int, length: int) -> None:
        async with self.services.database.read() as session:
            count = await repository.open_of(session, user_id)
            promised = await repository.open_bytes(session)
        if count >= MOST_OPEN:
            words = f"You have {MOST_OPEN:,} unfinished uploads. Finish or end them before you create more."
            raise TusError(TOO_MANY, "too_many_uploads", words, {"most": MOST_OPEN})
        room, staged = await asyncio.to_thread(lambda: (self.staging.room(), self.staging.total()))
        if room < max(0, promised - staged) + length:
            words = "The server's disk has no room for a file of this size. Nothing was sent."
            raise TusError(INSUFFICIENT_STORAGE, "disk_full", words)

    def _offset(self, upload: Upload) -> int:
        return upload.length if upload.finished_at is not None else self.staging.offset(str(upload.id))

    @staticmethod
    def _check_offset(state: UploadState, offset: int, announced: int | None) -> None:
        """Raise `TusError` unless bytes may be appended at `offset`."""
        upload = state.upload
        if upload.error_code is not None:
            raise refusal(upload.error_code, upload.error or "", upload.error_details)
        if offset != state.offset:
            words = f"{state.offset} bytes of this upload are received: resume from there."
            raise TusError(OFFSET_MISMATCH, "wrong_offset", words, Upload_Offset=str(state.offset))
        if announced is not None and offset + announced > upload.length:
            raise too_long()

    async def _take_over(self, upload_id: UUID, silent_for: float) -> None:
        """End the silent request that sends to the upload; its client may have lost the connection."""
        receiver = self._receivers.get(upload_id)
        if receiver is not None and receiver.interrupt(silent_for):
            with suppress(TimeoutError):
                await asyncio.wait_for(receiver.gone.wait(), _STALE)

    async def _add(
        self, upload: Upload, staged: Staged, body: AsyncIterator[bytes], checksum: Checksum | None
    ) -> UploadState:
        """Extend the expiry, write the received bytes, and ingest the file if it is complete."""
        upload.expires_at = now() + self._lifetime
        async with self.services.database.write() as session:
            await repository.extend(session, upload.id, upload.expires_at)
        start = staged.size
        progress = self._progress.pop(upload.id, Progress())
        progress = progress if progress.offset == start else None
        before = progress.copy() if progress is not None and checksum is not None else None
        part = ALGORITHMS[checksum.algorithm]() if checksum is not None else None
        if checksum is not None:
            staged.mark_unverified(start)
        receiver = self._receivers[upload.id] = Receiver(staged, progress, part, self.threads)
        is_good = checksum is None
        try:
            await receiver.receive(body, upload.length - start)
            is_good = is_good or (
                checksum is not None and part is not None and part.digest() == checksum.digest
            )
        except TimeoutError:
            raise TusError(
                TIMED_OUT, "upload_silent", "The upload stalled. The part received is kept; resume it."
            ) from None
        finally:
            if is_good:
                staged.mark_verified()
            else:
                staged.discard(start)
                progress = before
            self._remember(upload.id, progress, staged.size)
        if not is_good:
            words = "The bytes do not match Upload-Checksum. They are discarded: send them again."
            raise TusError(CHECKSUM_MISMATCH, "checksum_mismatch", words)
        if staged.size == upload.length:
            return await self.finish(upload, staged)
        return UploadState(upload, staged.size)

    def _remember(self, upload_id: UUID, progress: Progress | None, size: int) -> None:
        """Keep the hash for the next part if it covers all received bytes."""
        if progress is None or progress.offset != size:
            return
        while len(self._progress) >= _KEPT:
            del self._progress[next(iter(self._progress))]
        self._progress[upload_id] = progress

    def _release(self, upload_id: UUID) -> None:
        """Unregister the current request's receiver."""
        receiver = self._receivers.get(upload_id)
        if receiver is not None and receiver.task is asyncio.current_task():
            del self._receivers[upload_id]
            receiver.gone.set()
