"""Whether the ledger is well: verified when, what waits in journals, in the outbox and of jobs, room on the disk."""

import fcntl
import os
import shutil
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from daybook.accounts.access import Administrator, AppSettings
from daybook.db.dependencies import Reading
from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs import service as jobs
from daybook.jobs.schemas import JobsState
from daybook.ledger.journal import JournalReader, journals_in
from daybook.ledger.outbox import service as outbox
from daybook.ledger.outbox.schemas import OutboxState
from daybook.ledger.verification.models import LedgerVerification

router = APIRouter(prefix="/api/v1/admin/health", tags=["the ledger"])


class LedgerState(BaseModel):
    """What the last `daybook ledger verify` said."""

    balanced: bool | None = Field(description="None when it was never verified.")
    differences: int | None
    lines: int | None
    verified_at: datetime | None


class JournalState(BaseModel):
    """A journal on this host. One that is not alive was left by a gateway that ended, and is about to be shipped."""

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
    shipping: bool = Field(description="Whether a shipper runs on this host.")
    journals: list[JournalState]
    quarantined: int = Field(
        description="Calls of which PostgreSQL would not store what was said; see the log."
    )
    outbox: OutboxState
    jobs: JobsState
    disk: DiskState


@router.get("")
async def health(_: Administrator, session: Reading, settings: AppSettings) -> HealthResponse:
    """Do the ledger balances, is everything on its way into them, is there room?"""
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


async def ledger_state(session: ReadSession | WriteSession) -> LedgerState:
    """What the last verification found."""
    query = select(LedgerVerification).order_by(LedgerVerification.at.desc()).limit(1)
    last = await session.scalar(query)
    if last is None:
        return LedgerState(balanced=None, differences=None, lines=None, verified_at=None)
    return LedgerState(
        balanced=last.differences == 0, differences=last.differences, lines=last.lines, verified_at=last.at
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
