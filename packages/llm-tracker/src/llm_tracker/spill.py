"""The file that keeps lines while the database is unavailable: one JSON object per line.

- `append` returns when the line is on disk. The next writer ends a line that a crash or a full disk cut off.
- `replay` passes the lines on and then removes them. After a kill in between they are passed on again, so the
  receiver must store each id once.
- Processes exclude each other by a lock on the file. It may be replaced while a writer waits for the lock, so a
  writer checks that the locked file still has the name.
"""

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_tracker.lines import Line

_BATCH = 500


def append(path: Path, line: Line) -> None:
    """Write and sync the line. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path, os.O_RDWR | os.O_CREAT | os.O_APPEND) as file:
        size = os.fstat(file).st_size
        torn = size and os.pread(file, 1, size - 1) != b"\n"
        _write(file, (b"\n" if torn else b"") + line.to_json() + b"\n")
        os.fsync(file)
    if not size:
        _sync_folder(path.parent)


def waiting(path: Path) -> bool:
    """True if the file has lines."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def replay(path: Path, take: Callable[[list[Line]], list[Line]]) -> tuple[int, int]:
    """Pass the lines to `take`, which returns the refused ones; they stay.

    Return the numbers of taken and refused lines; (0, 0) while another process replays. If `take` raises, the
    file is unchanged. Incomplete lines move to a file with `.damaged` added to its name.
    """
    taken = 0
    kept: list[Line] = []
    damaged: list[bytes] = []
    with suppress(BlockingIOError, FileNotFoundError), _locked(path, os.O_RDWR, wait=False) as file:
        with os.fdopen(os.dup(file), "rb") as reader:
            batch: list[Line] = []
            for text in reader:
                try:
                    batch.append(Line.from_json(text))
                except ValueError:
                    damaged.extend([text.rstrip(b"\n") + b"\n"] if text.strip() else [])
                if len(batch) == _BATCH:
                    refused = take(batch)
                    taken, kept, batch = taken + len(batch) - len(refused), kept + refused, []
            if batch:
                refused = take(batch)
                taken, kept = taken + len(batch) - len(refused), kept + refused
        if damaged:
            _keep(path.with_name(path.name + ".damaged"), damaged)
        if not kept:
            path.unlink()
        elif taken or damaged:
            _replace(path, kept)
    return taken, len(kept)


@contextmanager
def _locked(path: Path, flags: int, *, wait: bool = True) -> Generator[int]:
    while True:
        file = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(file, path):
                continue
            yield file
            return
        finally:
            os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file), named)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _keep(path: Path, damaged: list[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(damaged)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, lines: list[Line]) -> None:
    """Replace the file by one with these lines, atomically."""
    new = path.with_name(path.name + ".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write(file, b"".join(line.to_json() + b"\n" for line in lines))
        os.fsync(file)
    finally:
        os.close(file)
    new.replace(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
