"""Recordings: films with their time, made of one file or of the chapters that a camera cut it into.

Invariants:

- A person has a file once: (user, SHA-256) is unique, and taking it in again gives the recording that is there.
- A file that is not taken in leaves nothing: no row, no object in the store.
- An event keeps its distance from its recording's beginning, whatever becomes of the recording's time.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from daybook.db.engine import WriteSession
from daybook.lifelog.tools import Basics


@dataclass(frozen=True, slots=True)
class Details:
    """What whoever brings a file knows of it besides its name."""

    file_time: datetime | None = None
    """When the file was last changed where it comes from."""
    timezone: str | None = None
    """Where its camera was, as an IANA name; the person's own timezone if nobody says."""
    sha256: bytes | None = None
    """Of the staged file, where it was computed already; else it is computed here."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is a person's recording now."""

    recording_id: UUID
    file_id: UUID
    is_new: bool
    """False where the person had the file before: nothing was done."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of a recording lies in time, as it stands and cannot change before the transaction ends."""

    recording_id: UUID
    user_id: int
    start_time: datetime
    """Of the recording."""
    starts_at: float
    """Of the file, in seconds from the recording's beginning."""
    duration: float
    s3_key: str


async def take_in(
    tools: Basics, user_id: int, staged: Path, name: str, details: Details | None = None
) -> Taken:
    """Make the file at `staged`, which its owner called `name`, a recording of the person, or part of one.

    In one transaction with it, the jobs `recording_processing` and `event_extraction` are enqueued, each with
    `params = {"recording_id", "file_id"}` and `subject = "file:<file id>"`: a chapter that comes later has jobs of its
    own. `staged` stays where it is. Raises `Refused` with a code and words, and leaves nothing then.
    """
    raise NotImplementedError


async def find_by_checksum(tools: Basics, user_id: int, sha256: bytes) -> Taken | None:
    """The recording that has this file of the person; None where they never brought it."""
    raise NotImplementedError


async def place_of(session: WriteSession, file_id: UUID) -> Place | None:
    """Where the file lies, locked until the transaction ends; None where its recording was deleted.

    Whoever writes events of a file asks here in the same transaction: `start_offset = starts_at + seconds in the file`,
    `start_time = start_time + start_offset`. Then no correction of the recording's time is lost between.
    """
    raise NotImplementedError
