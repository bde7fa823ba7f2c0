"""Reading a journal, while its writer lives or after it has died."""

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from daybook.kit import failpoints
from daybook.ledger.journal.format import (
    FRAME_SIZE,
    FRAMES,
    HEAD_SIZE,
    KIND_AT,
    LOCK,
    Kind,
    Record,
    decode,
    frame_length,
    is_segment,
    segment_name,
)

log = logging.getLogger(__name__)

_AHEAD = 256 * 2**10  # bytes that are read at a time


_DAMAGED = (
    "Journal %s, segment %d: the record at byte %d is damaged; reading continues behind it. A call whose beginning "
    "was there has no line, one whose end was there is recorded as killed when its gateway ends."
)
_STILLBORN = 60.0  # seconds after which a folder without a segment has no writer
_DELETED = "."
"""Prefix of the name of a folder that is being deleted."""


def journals_in(folder: Path) -> list[Path]:
    """The journals in `folder`, the oldest first. One without a segment is not a journal yet: its writer may not hold
    the lock.
    """
    if not folder.is_dir():
        return []
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(_DELETED) and (entry / LOCK).exists() and any(entry.glob("*.journal"))
    )


def clear_away(folder: Path) -> None:
    """Remove journals in `folder` whose writer died before its first segment, and half-deleted ones."""
    for entry in folder.iterdir():
        if not entry.is_dir():
            continue
        stillborn = not any(entry.glob("*.journal")) and time.time() - entry.stat().st_mtime > _STILLBORN
        if stillborn or entry.name.startswith(_DELETED):
            shutil.rmtree(entry)


class JournalReader:
    """Reads a journal from its first segment on. Each `records` continues where the last one stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name
        self.torn = 0
        """Records that were not whole."""
        self._number = self._first()
        self._fd = -1
        self._offset = 0
        self._size = 0
        self._buffer = b""
        self._buffer_at = 0

    @property
    def segment(self) -> int:
        """The segment that is being read."""
        return self._number

    def writer_is_gone(self) -> bool:
        """True if the writer is dead: a live one holds the lock."""
        fd = os.open(self.folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
        return True

    def records(self) -> Iterator[tuple[int, Record]]:
        """Yield every new whole record with the number of its segment."""
        while self._open():
            record = self._next()
            if record is None:
                return
            if record.kind is Kind.END:
                self._leave()
            else:
                yield self._number, record

    def skip_torn(self, *, writer_lives: bool = False) -> bool:
        """Continue behind a torn record: at the next whole one of its segment, else in the next segment. True if there
        is more to read. The last record of a dead writer may be torn; anything else is damage to the file.

        While the writer lives, a torn record at the end may still be in writing: it is waited for.
        """
        number, offset = self._number, self._offset if self._open() else HEAD_SIZE
        torn = self._fd < 0 or frame_length(os.pread(self._fd, FRAME_SIZE, offset)) is not None
        if writer_lives and not torn:
            return False
        found, followed = self._next_whole(number, offset), self._is_followed()
        if found is None and not followed and (writer_lives or not torn or self._fd < 0):
            return False
        if found is None:
            self._leave()
        else:
            self._reopen(found)
        if found == offset and torn:
            return True  # it has become whole, or only the segment's head is not
        self.torn += 1
        if found is not None or followed:
            log.error(_DAMAGED, self.id, number, offset)
        return True

    def forget_before(self, segment: int) -> None:
        """Delete the segments before `segment`: all that they say is in the database. The last one stays, so that the
        journal is there until it is deleted as a whole.
        """
        for number in range(self._first(), min(segment, self._number)):
            if (self.folder / segment_name(number + 1)).exists():
                (self.folder / segment_name(number)).unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete the journal: its writer is gone and all that it said is in the database. Half of one is never seen."""
        self.close()
        failpoints.point("journal.delete.before")
        deleted = self.folder.rename(self.folder.with_name(_DELETED + self.folder.name))
        failpoints.point("journal.delete.between")
        shutil.rmtree(deleted)

    def close(self) -> None:
        """Close the segment that is being read."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._buffer = b""

    def _first(self) -> int:
        return min((int(path.stem) for path in self.folder.glob("*.journal")), default=1)

    def _open(self) -> bool:
        """Open the current segment. It may not be there yet, or be without its first bytes."""
        if self._fd >= 0:
            return True
        try:
            fd = os.open(self.folder / segment_name(self._number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        if not is_segment(os.pread(fd, HEAD_SIZE, 0), self._number):
            os.close(fd)
            return False
        self._fd, self._offset, self._size = fd, HEAD_SIZE, os.fstat(fd).st_size
        return True

    def _next_whole(self, number: int, offset: int) -> int | None:
        """Return the offset of a whole record: at `offset`, at the end that the record there claims, or anywhere
        behind. The segment's head does not matter.
        """
        try:
            rest = (self.folder / segment_name(number)).read_bytes()
        except FileNotFoundError:
            return None
        length = frame_length(rest, offset)
        likely = (offset,) if length is None else (offset, offset + FRAME_SIZE + length)
        # Skip the allocated zeros, usually most of the segment.
        written = len(rest.rstrip(b"\0")) + FRAME_SIZE
        anywhere = (found.start() - KIND_AT for found in FRAMES.finditer(rest, offset + KIND_AT, written))
        return next((at for at in chain(likely, anywhere) if _is_whole(number, rest, at)), None)

    def _is_followed(self) -> bool:
        """True if there is a later segment."""
        return any(int(path.stem) > self._number for path in self.folder.glob("*.journal"))

    def _reopen(self, offset: int) -> None:
        """Go on at `offset` of the segment, whatever its head says."""
        self.close()
        self._fd = os.open(self.folder / segment_name(self._number), os.O_RDONLY | os.O_CLOEXEC)
        self._offset, self._size = offset, os.fstat(self._fd).st_size

    def _next(self) -> Record | None:
        """Return the next record; None if there is none yet or it is torn."""
        record = self._decode()
        if record is None and self._buffer:
            # The buffer may have been read before the record was written.
            self._buffer = b""
            record = self._decode()
        return record

    def _decode(self) -> Record | None:
        if not self._has(FRAME_SIZE):
            return None
        length = frame_length(self._buffer, self._offset - self._buffer_at)
        if length is None or self._offset + FRAME_SIZE + length > self._size:
            return None
        if not self._has(FRAME_SIZE + length):
            return None
        record = decode(self._number, self._buffer, self._offset - self._buffer_at)
        if record is not None:
            self._offset += FRAME_SIZE + length
        return record

    def _has(self, length: int) -> bool:
        """True if the next `length` bytes are there, reading ahead. An idle journal costs one frame per look."""
        if self._buffer_at <= self._offset and self._offset + length <= self._buffer_at + len(self._buffer):
            return True
        if not self._buffer and frame_length(os.pread(self._fd, FRAME_SIZE, self._offset)) is None:
            return False
        self._buffer = os.pread(self._fd, max(length, _AHEAD), self._offset)
        self._buffer_at = self._offset
        return len(self._buffer) >= length

    def _leave(self) -> None:
        self.close()
        self._number += 1


def _is_whole(number: int, read: bytes, at: int) -> bool:
    length = frame_length(read, at)
    return length is not None and decode(number, read, at) is not None
