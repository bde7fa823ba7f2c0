"""The embedded server: a direct child, on a Unix socket, that ends when we end."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from daybook.db.embedded.binaries import binaries_for
from daybook.db.embedded.cluster import (
    USER,
    Cluster,
    make_cluster,
    make_socket_folder,
    open_cluster,
    remove_cluster,
    server_environment,
)
from daybook.db.embedded.lock import DataLock
from daybook.db.embedded.logfile import LogFile
from daybook.db.embedded.probe import Answer, probe
from daybook.db.embedded.process import spawn
from daybook.kit.errors import Unavailable

SETTINGS = {
    "cluster_name": "daybook",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "random_page_cost": "1.1",
    # No replicas and no archive here, so less to write; a crash loses nothing.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    # What fails is told to the caller. The log must not repeat rows and statements, which hold people's
    # words.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
"""PostgreSQL's settings for a small machine, on its command line, so that a newer Daybook can change them."""


class EmbeddedServer:
    """The PostgreSQL of one data folder. Start it from the main thread.

    `lock`: the data folder's lock, if the caller has it already; else it is taken from `start` to `stop`.
    `durable=False` leaves out every fsync: for tests only.
    """

    def __init__(self, data: Path, *, lock: DataLock | None = None, durable: bool = True) -> None:
        self.data = data.absolute()
        self.durable = durable
        self.is_new = False
        """True if the last `start` created the cluster."""
        self._given_lock = lock
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None
        self._cluster: Cluster | None = None
        self._log: LogFile | None = None

    def start(self, *, timeout: float = 60) -> Self:
        """Start the server, creating cluster and database if needed; return when it accepts connections.

        Raises `Conflict` if another Daybook has the folder, `Unavailable` with the end of the server's log if it does
        not come up within `timeout` seconds.
        """
        if self._lock is None:
            self._lock = DataLock.acquire(self.data, "command")
        try:
            self._start(self._lock, timeout)
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def dsn(self) -> str:
        """The database's address for asyncpg, as SQLAlchemy writes it."""
        return self.url("postgresql+asyncpg")

    def url(self, driver: str = "postgresql", *, database: str = USER) -> str:
        """The address for another driver, or of another database on the server."""
        if self._cluster is None:
            raise RuntimeError("The embedded server has not been started.")
        return url_of(self._cluster.sockets, driver, database)

    @property
    def pid(self) -> int | None:
        """The server's process."""
        return self._process.pid if self._process else None

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self.data / "log" / "postgres.log"

    def is_alive(self) -> bool:
        """True if the server's process runs."""
        return self._process is not None and self._process.poll() is None

    def rotate_log(self) -> None:
        """Keep the log small; call it now and then."""
        if self._log is not None:
            self._log.rotate()

    def stop(self, *, timeout: float = 10) -> None:
        """Stop the server: sessions end, everything is written out; after `timeout` seconds by force."""
        process, self._process = self._process, None
        if process is not None:
            # SIGINT: fast shutdown; SIGQUIT: at once, recovered from the journal at the next start.
            for stop_signal, patience in (
                (signal.SIGINT, timeout),
                (signal.SIGQUIT, 5.0),
                (signal.SIGKILL, 5.0),
            ):
                process.send_signal(stop_signal)
                try:
                    process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    continue
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._lock is not None and self._given_lock is None:
            self._lock.release()
            self._lock = None

    def remove(self) -> None:
        """Stop the server and remove its database from the disk."""
        self.stop()
        remove_cluster(self.data)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, lock: DataLock, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        if self._log is None:
            self._log = LogFile(self.log_path)
        cluster = self._cluster = open_cluster(self.data)
        binaries = binaries_for(cluster.user)
        self.is_new = not cluster.directory.exists()
        if self.is_new:
            make_cluster(cluster, binaries, self._log, lock.fd, sync=self.durable)
        sockets = make_socket_folder(cluster)
        start = self._log.size()
        self._process = spawn(
            [str(binaries / "postgres"), "-D", str(cluster.directory), *self._options(sockets)],
            death_signal=signal.SIGINT,
            user=cluster.user,
            output=self._log.fd,
            env=server_environment(),
            pass_fds=(lock.fd,),
            cwd="/",
        )
        while (answer := probe(sockets, user=USER, database=USER)) is not Answer.READY:
            if answer is Answer.NO_DATABASE:
                self._create_database(binaries, sockets)
            elif not self.is_alive() or time.monotonic() > deadline:
                what = f"did not start within {timeout:.0f} s" if self.is_alive() else "ended while starting"
                raise Unavailable(
                    f"PostgreSQL {what}. Its log ({self.log_path}):\n{self._log.tail(8, since=start)}"
                )
            else:
                time.sleep(0.02)

    def _options(self, sockets: Path) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": f'"{sockets}"'}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _create_database(self, binaries: Path, sockets: Path) -> None:
        command = [str(binaries / "createdb"), "-h", str(sockets), "-U", USER, USER]
        made = subprocess.run(  # noqa: S603  (our own program)
            command, check=False, capture_output=True, text=True, env=server_environment()
        )
        if made.returncode != 0:
            raise Unavailable(f"The database could not be made: {made.stderr.strip()}")


def url_of(sockets: Path | str, driver: str, database: str = USER) -> str:
    """Return the address of `database` on the server whose socket is in the folder `sockets`."""
    return f"{driver}://{USER}@/{database}?host={quote(str(sockets), safe='/')}&port=5432"


@contextmanager
def temporary_server() -> Generator[EmbeddedServer]:
    """A fast, forgetful server with an empty database in a folder of its own, both removed afterwards."""
    data = Path(tempfile.mkdtemp(prefix="daybook-"))
    data.chmod(0o711)  # so that the server's user can stay in it
    server = EmbeddedServer(data, durable=False)
    try:
        yield server.start()
    finally:
        server.remove()
        shutil.rmtree(data, ignore_errors=True)
