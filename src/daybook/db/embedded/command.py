"""The database for a command: the server that runs already, or one of its own while the command lasts."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daybook.db.embedded.binaries import MAJOR
from daybook.db.embedded.cluster import USER
from daybook.db.embedded.lock import DataLock, held_by_run
from daybook.db.embedded.probe import Answer, probe
from daybook.db.embedded.process import command_line, is_running
from daybook.db.embedded.server import EmbeddedServer, url_of
from daybook.kit.errors import Conflict, Unavailable

_STARTING = 60.0  # seconds that a `daybook run` may take to start its server


@dataclass(frozen=True)
class RunningServer:
    """An embedded server that another process started."""

    pid: int
    sockets: str

    @property
    def dsn(self) -> str:
        """The database's address for asyncpg, as SQLAlchemy writes it."""
        return self.url("postgresql+asyncpg")

    def url(self, driver: str = "postgresql") -> str:
        """The database's address for another driver."""
        return url_of(self.sockets, driver)


def running_server(data: Path) -> RunningServer | None:
    """The server that runs on the data folder `data` and lets us in.

    Raises `Unavailable` when there is a database that we may not look at.
    """
    try:
        directory = (data / "postgres").resolve() / MAJOR
        # https://www.postgresql.org/docs/current/storage-file-layout.html: pid, data directory, start, port,
        # socket …
        lines = (directory / "postmaster.pid").read_text().splitlines()
        server = RunningServer(pid=int(lines[0]), sockets=lines[4])
    except PermissionError as error:
        raise Unavailable(
            f"The database in {data} belongs to another user. Run this command as root, or as the user who "
            "runs Daybook."
        ) from error
    except (OSError, ValueError, IndexError):
        return None
    if not is_running(server.pid) or str(directory) not in command_line(server.pid):
        return None
    if probe(server.sockets, user=USER, database=USER) is not Answer.READY:
        return None
    return server


@contextmanager
def server_for_command(data: Path) -> Generator[EmbeddedServer | RunningServer]:
    """The server of `data` for the time of a command: `daybook run`'s, else one that is stopped afterwards.

    Two commands at once take turns. Raises `Conflict` or `Unavailable` with words for the person.
    """
    running = _started_by_run(data)
    if running is not None:
        yield running
        return
    lock = DataLock.acquire(data, "command", wait=120)
    try:
        with EmbeddedServer(data, lock=lock) as server:
            yield server
    finally:
        lock.release()


def _started_by_run(data: Path) -> RunningServer | None:
    deadline = time.monotonic() + _STARTING
    while held_by_run(data):
        server = running_server(data)
        if server is not None:
            return server
        if time.monotonic() > deadline:
            raise Conflict(
                f"Daybook runs on {data}, but its database does not answer. See {data}/log/postgres.log."
            )
        time.sleep(0.1)
    return None
