"""Starting, pinning, measuring and ending the processes of a benchmark.

Every process is started in a session of its own, on one core, and is told to end when the benchmark is killed
outright (`setpriv --pdeathsig`; the signal follows the thread that starts it, so start from the main thread).
CPU time is read from `/proc/<pid>/stat` over a whole tree; what ended children used is in their parent's.
"""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
BYTES_PER_PAGE = os.sysconf("SC_PAGE_SIZE")
LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp


class BenchError(Exception):
    """The run cannot go on, or what it measured is not to be trusted; the sentence says why."""


@dataclass(frozen=True)
class Cores:
    """Where things run: the load and the upstream on one core, what is measured on another."""

    load: int
    target: int

    @classmethod
    def choose(cls) -> Self:
        """The first and the last core that this process may use."""
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise BenchError("The benchmark needs two cores: one for the load, one for what is measured.")
        return cls(load=cores[0], target=cores[-1])


class Process:
    """A program on one core, its log in a file, and everything that it starts."""

    def __init__(
        self, command: Sequence[str], *, core: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self._name = Path(command[0]).name
        pinned = ["setpriv", "--pdeathsig", "TERM", "--", "taskset", "--cpu-list", str(core), *command]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                pinned,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment) if environment is not None else None,
                cwd=log.parent,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def stop(self, patience: float = 30) -> None:
        """Ask it to end, wait up to `patience` seconds, then kill what is left of it and its children."""
        tree = descendants(self.pid)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pid, started in tree.items():
            if _start_time(pid) == started:  # the number has not gone to another process meanwhile
                _kill_quietly(pid)

    def require_alive(self) -> None:
        """Raise BenchError with the end of the log when the program has ended."""
        if self._process.poll() is not None:
            raise BenchError(
                f"{self._name} ended with {self._process.returncode}. Its log ends:\n{self.log_tail()}"
            )

    def log_tail(self, characters: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:]


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def descendants(root: int) -> dict[int, int]:
    """The processes of the tree under `root`, itself included, each with its start time in clock ticks."""
    children: dict[int, list[int]] = {}
    started: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            started[int(entry.name)] = int(fields[19])
    tree: dict[int, int] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        if pid in started:
            tree[pid] = started[pid]
        waiting += children.get(pid, [])
    return tree


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time that these processes, and the children of theirs that have ended, used since they began."""
    ticks = 0
    for pid in pids:
        if (fields := _stat_fields(pid)) is not None:
            ticks += sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    return ticks / TICKS_PER_SECOND


def core_seconds(core: int) -> float:
    """Seconds that a core has been busy since the machine began, time that its host took away included."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    raise BenchError(f"/proc/stat knows no core {core}.")


def resident_bytes(pid: int) -> int:
    """The memory of one process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * BYTES_PER_PAGE


def command_name(pid: int) -> str:
    """The kernel's short name of a process, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def listeners(port: int, pids: Sequence[int]) -> list[int]:
    """Those of `pids` that hold a socket listening on `port`."""
    wanted: set[str] = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                wanted.add(f"socket:[{fields[9]}]")
    return [pid for pid in pids if wanted & _open_files(pid)]


def _open_files(pid: int) -> set[str]:
    found: set[str] = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            found.add(str(descriptor.readlink()))
    except OSError:
        pass  # the process, or this descriptor of it, has gone
    return found


def _stat_fields(pid: int) -> list[str] | None:
    """What follows the name in `/proc/<pid>/stat` (0: state, 1: parent); None when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None


def _start_time(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return int(fields[19]) if fields is not None else None


def _kill_quietly(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
