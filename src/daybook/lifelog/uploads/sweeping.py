"""The worker's duty for uploads: ingest complete ones that were left and remove expired ones."""

import asyncio
import logging
from itertools import count
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from daybook.kit.clock import now
from daybook.kit.errors import DaybookError
from daybook.kit.loops import every
from daybook.lifelog.context import Services
from daybook.lifelog.uploads import repository
from daybook.lifelog.uploads.errors import BUSY, TusError
from daybook.lifelog.uploads.models import Upload
from daybook.lifelog.uploads.service import Uploads

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two rounds."""

_STORE_EVERY = 60
"""Rounds between sweeps of the store, which visit every file."""


async def keep_swept(services: Services, stop: asyncio.Event) -> None:
    """Sweep this host until `stop`. Failures are retried in the next round."""
    uploads = Uploads(services)
    rounds = count()

    async def sweep_round() -> None:
        number = next(rounds)
        await sweep(uploads)
        if number % _STORE_EVERY == 0:
            await services.store.sweep()

    try:
        await every(EVERY, sweep_round, stop, "Sweeping uploads")
    finally:
        uploads.close()


async def sweep(uploads: Uploads) -> None:
    """Run one round. Uploads in use by another process are skipped."""
    await _ingest_complete(uploads)
    async with uploads.services.database.write() as session:
        await repository.remove_expired(session, now())
    await _remove_orphans(uploads)


async def _ingest_complete(uploads: Uploads) -> None:
    """Ingest complete uploads whose process died, or whose store was unavailable."""
    async with uploads.services.database.read() as session:
        waiting = await repository.unfinished(session, now())
    for upload in waiting:
        if await asyncio.to_thread(uploads.staging.offset, str(upload.id)) == upload.length:
            await _finish(uploads, upload)


async def _finish(uploads: Uploads, upload: Upload) -> None:
    try:
        with uploads.staging.hold(str(upload.id)) as staged:
            state = await uploads.find(upload.user_id, upload.id)
            if state.upload.finished_at is None and staged.size == upload.length:
                await uploads.finish(state.upload, staged)
    except TusError as refusal:
        if refusal.status != BUSY:
            log.info("Upload %s is rejected: %s", upload.id, refusal.code)
    except DaybookError as problem:
        log.warning("Upload %s is retried later: %s", upload.id, problem.code)
    except (SQLAlchemyError, OSError):
        raise
    except Exception:
        # One file that nobody can read as it should be is no reason to stop the worker, every minute again.
        log.exception("Upload %s cannot be ingested; it is retried until it expires.", upload.id)


async def _remove_orphans(uploads: Uploads) -> None:
    """Remove files whose upload has ended, and leftovers of killed imports."""
    names = await asyncio.to_thread(lambda: list(uploads.staging.orphans()))
    ids = {name: id_ for name in names if (id_ := _id_of(name)) is not None}
    async with uploads.services.database.read() as session:
        known = await repository.known(session, list(ids.values()))
    for name in names:
        if ids.get(name) not in known:
            await asyncio.to_thread(uploads.staging.remove, name)


def _id_of(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
