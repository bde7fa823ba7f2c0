"""One Daybook per data folder."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Literal, Self

from daybook.db.embedded.process import is_running, started_at
from daybook.kit.errors import Conflict, Unavailable

Purpose = Literal["run", "command"]


class DataLock:
    """The lock on `<data>/daybook.lock`, held from `acquire` to `release`.

    Children that must be gone before another Daybook may start inherit its descriptor
    (`pass_fds=(lock.fd,)`): the kernel frees the lock when the last of them has ended, whatever became of us.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd

    @classmethod
    def acquire(cls, data: Path, purpose: Purpose, *, wait: float = 30, url: str = "") -> Self:
        """Take the lock of the folder `data`, creating the folder if needed. `url`: the address to report to processes
        that find the folder taken.

        Waits up to `wait` seconds for a short command, or for the last processes of a killed Daybook.
        Raises `Conflict` if a Daybook runs there, `Unavailable` if the folder cannot be used.
        """
        path = data / "daybook.lock"
        try:
            make_data_folder(data)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(
                f"The data folder {data} cannot be used: {error.strerror}. "
                "Run Daybook as the user who owns it, or choose another folder with DAYBOOK_DATA."
            ) from error
        deadline = time.monotonic() + wait
        while not _try(fd):
            holder = _holder(path)
            if holder is not None and holder["purpose"] == "run":
                os.close(fd)
                where = f": {holder['url']}" if holder["url"] else ""
                raise Conflict(
                    f"Daybook is already running on {data}{where} (process {holder['pid']}). "
                    "Stop it first, or give this one a folder of its own with DAYBOOK_DATA."
                )
            if time.monotonic() > deadline:
                os.close(fd)
                what = f"process {holder['pid']}" if holder else "processes of a Daybook that was killed"
                raise Conflict(
                    f"The data folder {data} is still in use by {what}. `fuser -v {path}` shows them; "
                    "wait for them, or end them."
                )
            time.sleep(0.05)
        os.ftruncate(fd, 0)
        note = {"pid": os.getpid(), "started": started_at(os.getpid()), "purpose": purpose, "url": url}
        os.pwrite(fd, json.dumps(note).encode(), 0)
        return cls(path, fd)

    def release(self) -> None:
        """Give the lock back (children that inherited it keep it until they end)."""
        if self.fd >= 0:
            os.ftruncate(self.fd, 0)
            os.close(self.fd)
            self.fd = -1


def make_data_folder(data: Path) -> None:
    """Create `data` if needed: other users may pass through it (the server's user must) but not list it."""
    if not data.is_dir():
        data.parent.mkdir(parents=True, exist_ok=True)
        data.mkdir(mode=0o711, exist_ok=True)


def held_by_run(data: Path) -> bool:
    """True if a `daybook run` holds the folder `data`."""
    holder = _holder(data / "daybook.lock")
    return holder is not None and holder["purpose"] == "run"


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> dict[str, str | int] | None:
    """Return the process that wrote the lock file, if it still runs."""
    try:
        note = json.loads(path.read_text())
        pid, started = int(note["pid"]), str(note["started"])
        purpose, url = str(note["purpose"]), str(note.get("url", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not is_running(pid) or started_at(pid) != started:
        return None
    return {"pid": pid, "purpose": purpose, "url": url}
