"""Files that are on their way: `<data>/uploads/<upload id>.part`.

How much of an upload has come is the size of its file, so that there is no second record that could disagree. Bytes
that have yet to be compared with their checksum come after the place that is noted in `<upload id>.checked`, and
count only when the note is gone.

Whoever writes holds a lock on the file (flock), which the kernel takes back from a process that dies.
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
"""Age of a file that belongs to nothing, before it is removed: its row may be about to be written."""

RESERVE = 256 * 2**20
"""Bytes of the disk that uploads leave free."""


class Staged:
    """A staged file that is held."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self._marker = _marker_of(path)

    @property
    def size(self) -> int:
        """Bytes in it."""
        return os.fstat(self.descriptor).st_size

    def write(self, data: bytes | bytearray, place: int) -> None:
        """All of `data` from `place` on. Raises `OSError`; some may be written then."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, place)
            view, place = view[written:], place + written

    def sync(self) -> None:
        """See that it is on the disk."""
        os.fdatasync(self.descriptor)

    def mark_unverified(self, place: int) -> None:
        """Let what comes after `place` count only when `trust` is called, whatever happens before."""
        draft = self._marker.with_suffix(".draft")
        draft.write_text(str(place))
        draft.replace(self._marker)

    def mark_verified(self) -> None:
        """Let all that is there count."""
        self._marker.unlink(missing_ok=True)

    def discard(self, place: int) -> None:
        """Forget what is after `place`."""
        if self.size > place:
            os.ftruncate(self.descriptor, place)
        self.mark_verified()

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.mark_verified()


class Staging:
    """The folder of staged files."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "uploads"

    def path(self, name: str) -> Path:
        """Where the file of this name is, or would be."""
        return self.folder / f"{name}.part"

    def offset(self, name: str) -> int:
        """The bytes that have come and count."""
        path = self.path(name)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return 0
        return min(size, _verified_size(path, size))

    @contextmanager
    def hold(self, name: str) -> Generator[Staged]:
        """The file of this name, made if it is not there, for nobody else as long as the block lasts. What was
        in doubt when its writer died is cut off.

        Raises `TusError` (423) if another has it.
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
        """Bytes that may be added to the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return disk_usage(self.folder).free - RESERVE

    def total(self) -> int:
        """Bytes of all that is staged."""
        total = 0
        for path in self._all():
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def orphans(self) -> Iterator[str]:
        """Names of files that have not been written for a while and that nobody holds."""
        for path in self._all():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - ORPHAN_SECONDS:
                    yield path.stem

    def remove(self, name: str) -> bool:
        """Remove a file that nobody holds; False if somebody does."""
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
    """True if the lock was free, and the file is still the one at `path`."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _close(descriptor: int) -> None:
    """Close a file. One that has no name any more is freed by that, which takes a while if it is large."""
    if os.fstat(descriptor).st_nlink:
        os.close(descriptor)
    else:
        Thread(target=os.close, args=[descriptor]).start()


def _marker_of(path: Path) -> Path:
    return path.with_suffix(".checked")


def _verified_size(path: Path, size: int) -> int:
    """Where doubt begins; `size` if there is none, and 0 if the machine failed before the note was whole."""
    try:
        return int(_marker_of(path).read_text())
    except FileNotFoundError:
        return size
    except ValueError:
        return 0
