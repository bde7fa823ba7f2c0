"""Health for administrators: the ledger, journals, the outbox, jobs and the disk."""

import fcntl
import os
import shutil
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, Field

from daybook.accounts.access import Administrator, AppSettings
from daybook.db.dependencies import Reading
from daybook.jobs import service as jobs
from daybook.jobs.schemas import JobsState
from daybook.ledger.journal import JournalReader, journals_in
from daybook.ledger.outbox import service as outbox
from daybook.ledger.outbox.schemas import OutboxState
from daybook.ledger.verification.routine import ledger_state
from daybook.ledger.verification.schemas import LedgerState

router = APIRouter(prefix="/api/v1/admin/health", tags=["the ledger"])


class JournalState(BaseModel):
    """A journal on this host. One whose process has ended waits to be shipped."""

    id: str
    alive: bool
    bytes: int


class DiskState(BaseModel):
    """The disk that the data folder is on."""

    free_bytes: int
    total_bytes: int


class HealthResponse(BaseModel):
    """The state of the ledger, of this host's journals, of the outbox, of background work and of the disk."""

    ledger: LedgerState
    shipping: bool = Field(description="True if a shipper runs on this host.")
    journals: list[JournalState]
    quarantined: int = Field(description="Calls whose content PostgreSQL refused to store; see the log.")
    outbox: OutboxState
    jobs: JobsState
    disk: DiskState


@router.get("")
async def health(_: Administrator, session: Reading, settings: AppSettings) -> HealthResponse:
    """Return the health of the ledger, this host's journals, the outbox, jobs and the disk."""
    folder = settings.data / "journal"
    usage = shutil.disk_usage(settings.data)
    return HealthResponse(
        ledger=await ledger_state(session),
        shipping=_is_locked(folder / "shipper.lock"),
        journals=[_journal(path) for path in journals_in(folder)],
        quarantined=len(list((settings.data / "quarantine").glob("*.json"))),
        outbox=await outbox.state(session),
        jobs=await jobs.state(session),
        disk=DiskState(free_bytes=usage.free, total_bytes=usage.total),
    )


def _journal(folder: Path) -> JournalState:
    size = sum(path.stat().st_size for path in folder.glob("*.journal"))
    return JournalState(id=folder.name, alive=not JournalReader(folder).writer_is_gone(), bytes=size)


def _is_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
