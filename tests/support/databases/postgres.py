"""A PostgreSQL for one run of the tests: its own folder and socket, nothing that must survive."""

import os
import shutil
import tempfile
from pathlib import Path

from daybook.db.embedded import EmbeddedServer

MEMORY = Path("/dev/shm")
ROOM = 2**30  # bytes that must be free there


class Postgres:
    """A server that lives as long as the test run and dies with it, whatever kills the run."""

    def __init__(self) -> None:
        self.folder = free_folder()
        self.server = EmbeddedServer(self.folder, durable=False)

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return self.server.url(database=database)

    def start(self) -> None:
        """Make the cluster and start its server; about a second."""
        self.server.start()

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.server.remove()
        shutil.rmtree(self.folder)


def free_folder() -> Path:
    """A folder in memory if there is room, where a database is copied ten times as fast, else on disk."""
    parent = Path(tempfile.gettempdir())
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        parent = MEMORY
    for left in parent.glob("daybook-tests-*-*"):  # by runs that were killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"daybook-tests-{os.getpid()}-", dir=parent))
    folder.chmod(0o711)  # as root, the server runs as another user, who must get in
    return folder
