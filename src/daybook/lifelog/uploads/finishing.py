"""Completion of an upload: the staged file is read back, compared, and ingested or rejected."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from daybook.kit import failpoints
from daybook.kit.clock import now
from daybook.kit.errors import Invalid, Specifics
from daybook.lifelog.context import Services
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.recordings.service import Details, Ingested
from daybook.lifelog.uploads import repository
from daybook.lifelog.uploads.errors import REFUSED, TusError
from daybook.lifelog.uploads.models import Upload
from daybook.lifelog.uploads.staging import Staged

T = TypeVar("T")

PIECE = 2**20


async def finish(
    services: Services, upload: Upload, staged: Staged, received: bytes | None, threads: Executor
) -> Ingested:
    """Ingest the received file and record the result. `received` is the hash of the received bytes, if one process has
    received them all.

    The staged file is removed after that. If the process is killed before, the next attempt finds the recording. Raises
    `TusError` for a rejection, which is recorded; other errors are not, so that the upload is retried.
    """
    read_back = await _in_thread(threads, lambda: checksum_of(staged.descriptor))
    if upload.sha256 is not None and upload.sha256 != read_back:
        words = "The received file differs from the announced one (SHA-256). Upload it again."
        raise await _refuse(services, upload, staged, "sha256_mismatch", words)
    if received is not None and received != read_back:
        words = "The server's disk returned different bytes than were written. Upload the file again."
        raise await _refuse(services, upload, staged, "write_fault", words)
    failpoints.point("upload.ingest.before")
    try:
        taken = await recordings.ingest(
            services, upload.user_id, staged.path, upload.name, details_of(upload, read_back)
        )
    except Invalid as refusal:
        raise await _refuse(
            services, upload, staged, refusal.code, refusal.message, refusal.details
        ) from None
    failpoints.point("upload.ingest.after")
    async with services.database.write() as session:
        await repository.finish(session, upload.id, now(), recording_id=taken.recording_id)
    failpoints.point("upload.finished")
    staged.remove()
    return taken


def refusal(code: str, message: str, details: Specifics | None = None) -> TusError:
    """Return the error for a rejected file."""
    return TusError(REFUSED, code, message, details)


def details_of(upload: Upload, sha256: bytes) -> Details:
    """Return the uploader's details of the file."""
    told = upload.details
    time = told.get("file_time")
    return Details(
        file_time=datetime.fromisoformat(time) if time else None,
        timezone=told.get("timezone"),
        sha256=sha256,
        may_link=True,
    )


def checksum_of(descriptor: int) -> bytes:
    """Return the SHA-256 of a file, read from the disk instead of the kernel's cache."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    digest, place, buffer = sha256(), 0, bytearray(PIECE)
    while count := os.preadv(descriptor, [buffer], place):
        digest.update(memoryview(buffer)[:count])
        place += count
    return digest.digest()


async def _refuse(
    services: Services,
    upload: Upload,
    staged: Staged,
    code: str,
    message: str,
    details: Specifics | None = None,
) -> TusError:
    async with services.database.write() as session:
        await repository.finish(
            session, upload.id, now(), error_code=code[:64], error=message, error_details=details
        )
    staged.remove()
    return refusal(code, message, details)


async def _in_thread(threads: Executor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work)
