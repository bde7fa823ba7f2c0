"""Logs of child processes that stay small."""

import os
from pathlib import Path
from typing import Self

KEEP_BYTES = 5 * 2**20


class LogFile:
    """A child's log file, kept below about `limit` bytes, with one older file beside it.

    The child has it open for appending, so it continues at the beginning after we truncate the file.
    """

    def __init__(self, path: Path, *, limit: int = KEEP_BYTES) -> None:
        self.path = path
        self.limit = limit
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.rotate()

    def rotate(self) -> None:
        """Rename the file to `<name>.1` and start an empty one if it has grown past its limit."""
        if os.fstat(self.fd).st_size > self.limit:
            older = self.path.with_name(self.path.name + ".1")
            part = older.with_name(older.name + ".part")
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as copy, self.path.open("rb") as log:
                log.seek(-self.limit, os.SEEK_END)
                while block := log.read(2**20):
                    copy.write(block)
            part.replace(older)
            os.ftruncate(self.fd, 0)

    def tail(self, lines: int, *, since: int = 0) -> str:
        """Its last `lines` lines, of those written after byte `since`."""
        with self.path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            start = since if since <= size else 0  # it was emptied since then
            log.seek(max(start, size - 64 * 1024))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def size(self) -> int:
        """Bytes written so far, for `tail(since=…)`."""
        return os.fstat(self.fd).st_size

    def close(self) -> None:
        """Close our side."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
