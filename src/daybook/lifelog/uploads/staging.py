"""Staged files of uploads: `<data>/uploads/<upload id>.part`.

The file's size is the number of received bytes, so no second record can disagree. Bytes that still await their checksum
come after the offset in `<upload id>.checked` and count only when that marker is gone.

Writers hold a lock on the file (flock), which the kernel releases if the process dies.
"""

import fcntl
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import disk_usage
from threading import Thread

from daybook.lifelog.uploads.errors import busy

ORPHAN_SECONDS = 3600
"""Age at which an unused file is removed: its row may be about to be written."""

RESERVE = 256 * 2**20
"""Bytes of the disk that uploads leave free."""


class Staged:
    """A staged file that is locked."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self._marker = _marker_of(path)

    @property
    def size(self) -> int:
        """Size in bytes."""
        return os.fstat(self.descriptor).st_size

    def write(self, data: bytes | bytearray, place: int) -> None:
        """Write all of `data` at `place`. Raises `OSError`; some bytes may be written then."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, place)
            view, place = view[written:], place + written

    def sync(self) -> None:
        """Sync the file to the disk."""
        os.fdatasync(self.descriptor)

    def mark_unverified(self, place: int) -> None:
        """Make bytes after `place` count only after `mark_verified`, also if the process dies."""
        draft = self._marker.with_suffix(".draft")
        draft.write_text(str(place))
        draft.replace(self._marker)

    def mark_verified(self) -> None:
        """Make all bytes count."""
        self._marker.unlink(missing_ok=True)

    def discard(self, place: int) -> None:
        """Truncate the file to `place`."""
        if self.size > place:
            os.ftruncate(self.descriptor, place)
        self.mark_verified()

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
        self.mark_verified()


class Staging:
    """The folder of staged files."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "uploads"

    def path(self, name: str) -> Path:
        """Return the path of a staged file."""
        return self.folder / f"{name}.part"

    def offset(self, name: str) -> int:
        """Return the number of received bytes that count."""
        path = self.path(name)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return 0
        return min(size, _verified_size(path, size))

    @contextmanager
    def hold(self, name: str) -> Generator[Staged]:
        """Open and lock a staged file for the block, creating it if needed. Unverified bytes of a dead writer are cut
        off.

        Raises `TusError` (423) if another request has it.
        """
        path = self.path(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _locked(descriptor, path):
                raise busy()
            staged = Staged(path, descriptor)
            staged.discard(min(staged.size, _verified_size(path, staged.size)))
            try:
                yield staged
            finally:
                if staged.size == 0:
                    staged.remove()
        finally:
            _close(descriptor)

    def room(self) -> int:
        """Return the bytes that may be added to the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return disk_usage(self.folder).free - RESERVE

    def total(self) -> int:
        """Return the bytes of all staged files."""
        total = 0
        for path in self._all():
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def orphans(self) -> Iterator[str]:
        """Yield the names of files that have not been written for a while."""
        for path in self._all():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - ORPHAN_SECONDS:
                    yield path.stem

    def remove(self, name: str) -> bool:
        """Delete a file unless it is locked. False if it is."""
        path = self.path(name)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            _marker_of(path).unlink(missing_ok=True)
            return True
        try:
            if not _locked(descriptor, path):
                return False
            Staged(path, descriptor).remove()
            return True
        finally:
            os.close(descriptor)

    def _all(self) -> Iterator[Path]:
        return self.folder.glob("*.part")


def _locked(descriptor: int, path: Path) -> bool:
    """Lock the file. True if the lock was free and the file is still the one at `path`."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _close(descriptor: int) -> None:
    """Close a file. A deleted one is freed by that, which takes a while if it is large."""
    if os.fstat(descriptor).st_nlink:
        os.close(descriptor)
    else:
        Thread(target=os.close, args=[descriptor]).start()


def _marker_of(path: Path) -> Path:
    return path.with_suffix(".checked")


def _verified_size(path: Path, size: int) -> int:
    """Return the offset in the marker; `size` without a marker, and 0 if the machine failed before it was complete."""
    try:
        return int(_marker_of(path).read_text())
    except FileNotFoundError:
        return size
    except ValueError:
        return 0
