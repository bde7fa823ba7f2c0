"""Import of videos on this host, such as a camera's card: each becomes a recording of a user.

A file is hashed first and skipped if the user has it: importing a folder again only costs reading it. If killed, the
next run continues, since the database is the only state.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar
from uuid import UUID, uuid4

from daybook.kit import failpoints
from daybook.kit.errors import Invalid, Unavailable
from daybook.lifelog.context import Services
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.recordings.service import Details
from daybook.lifelog.uploads.errors import TusError, disk_full
from daybook.lifelog.uploads.finishing import checksum_of
from daybook.lifelog.uploads.staging import Staged, Staging

T = TypeVar("T")

SUFFIXES = frozenset({
    ".360", ".3g2", ".3gp", ".asf", ".avi", ".flv", ".insv", ".m2ts", ".m4v", ".mkv", ".mod", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".mxf", ".ogv", ".tod", ".ts", ".vob", ".webm", ".wmv",
})  # fmt: skip
"""Suffixes of videos in a folder. A file given directly may have any."""

_PIECE = 8 * 2**20


class ImportStatus(StrEnum):
    """Result of a file's import."""

    TAKEN = "taken"
    KNOWN = "known"
    REFUSED = "refused"
    FAILED = "failed"
    """A retry may succeed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of the import of the file at `path`."""

    path: Path
    status: ImportStatus
    recording_id: UUID | None = None
    code: str | None = None
    reason: str | None = None


OnProgress = Callable[[str, int, int], None]
"""Called with the activity (`reading`, `copying`, `checking`), the bytes done and their total."""


class Importer:
    """Imports files for one user."""

    def __init__(
        self,
        services: Services,
        user_id: int,
        *,
        timezone: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._basics = services
        self._user_id = user_id
        self._timezone = timezone
        self._on_progress = on_progress or _say_nothing
        self._staging = Staging(services.settings.data)

    async def take(self, path: Path) -> Outcome:
        """Import the file at `path`, which stays. Database errors propagate."""
        try:
            return await self._take(path)
        except Invalid as refusal:
            return Outcome(path, ImportStatus.REFUSED, code=refusal.code, reason=refusal.message)
        except (TusError, Unavailable) as problem:
            return Outcome(path, ImportStatus.FAILED, code=problem.code, reason=problem.message)

    async def _take(self, path: Path) -> Outcome:
        before = await _reading(path, path.stat)
        if not S_ISREG(before.st_mode):
            raise Invalid("It is not a file.", code="not_a_file")
        if before.st_size == 0:
            raise Invalid("The file is empty.", code="empty_file")
        digest = await self._checksum(path, before.st_size)
        there = await recordings.find_by_checksum(self._basics, self._user_id, digest)
        if there is not None:
            return Outcome(path, ImportStatus.KNOWN, there.recording_id)
        failpoints.point("import.stage.before")
        with self._staging.hold(f"import-{uuid4()}") as staged:
            try:
                await self._copy(path, staged, before.st_size)
                self._on_progress("checking", 0, before.st_size)
                if await asyncio.to_thread(checksum_of, staged.descriptor) != digest:
                    raise Unavailable("The file was changed while it was read.", code="file_changed")
                time = datetime.fromtimestamp(before.st_mtime, UTC)
                details = Details(file_time=time, timezone=self._timezone, sha256=digest, may_link=True)
                failpoints.point("import.ingest.before")
                taken = await recordings.ingest(self._basics, self._user_id, staged.path, path.name, details)
                failpoints.point("import.ingest.after")
            finally:
                staged.remove()
        return Outcome(path, ImportStatus.TAKEN if taken.is_new else ImportStatus.KNOWN, taken.recording_id)

    async def _checksum(self, path: Path, size: int) -> bytes:
        digest, done = sha256(), 0
        file = await _reading(path, lambda: path.open("rb", buffering=0))
        with file:
            while piece := await _reading(path, lambda: file.read(_PIECE)):
                await asyncio.to_thread(digest.update, piece)
                done += len(piece)
                self._on_progress("reading", done, size)
        return digest.digest()

    async def _copy(self, path: Path, staged: Staged, size: int) -> None:
        """Copy the file, so that no other program changes it between inspection and storing. In chunks, so that
        cancelling takes effect soon.
        """
        if await asyncio.to_thread(self._staging.room) < size:
            raise disk_full()
        done = 0
        file = await _reading(path, lambda: path.open("rb", buffering=0))
        with file:
            while piece := await _reading(path, lambda: file.read(_PIECE)):
                await asyncio.to_thread(staged.write, piece, done)
                done += len(piece)
                self._on_progress("copying", done, size)
        await asyncio.to_thread(staged.sync)


def videos_in(path: Path) -> tuple[list[Path], int]:
    """Return the videos at `path`, a file or a folder with all below it, by name; and the number of other files.

    Hidden files are skipped and links to folders are not followed.
    """
    if not path.is_dir():
        return [path], 0
    files = list(_files_below(path))
    videos = [file for file in files if file.suffix.lower() in SUFFIXES]
    return videos, len(files) - len(videos)


def _files_below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place, name)


def _say_nothing(_what: str, _done: int, _size: int) -> None:
    """Report nothing."""


async def _reading(path: Path, work: Callable[[], T]) -> T:
    """Run `work` in a thread; reject an unreadable file with the system's message."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.", code="file_unreadable") from None
