"""Start programs that die with us, each in its own session: Ctrl-C in the terminal reaches only us."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BOUND_EXEC = Path(__file__).with_name("bound_exec.py")


@dataclass(frozen=True)
class SystemUser:
    """The system's user that a program runs as."""

    name: str
    uid: int
    gid: int


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals,
    user: SystemUser | None = None,
    output: int | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    cwd: str | Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start `command` (its first item a path) as a direct child that gets `death_signal` when we end,
    however we end.

    `user`: run as that user (we must be root). `output`: a file descriptor for both of its outputs.
    The death signal follows the thread that starts the child, hence only the main thread may call this.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("Start processes from the main thread: their life is bound to the thread's.")
    uid, gid = (str(user.uid), str(user.gid)) if user else ("-", "-")
    wrapper = [
        sys.executable,
        "-I",
        "-S",
        str(_BOUND_EXEC),
        str(os.getpid()),
        str(int(death_signal)),
        uid,
        gid,
    ]
    return subprocess.Popen(  # noqa: S603  (our own command lines)
        [*wrapper, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=env,
        pass_fds=pass_fds,
        cwd=cwd,
        start_new_session=True,
    )


def is_running(pid: int) -> bool:
    """True if a process `pid` exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _state(pid) != "Z"


def started_at(pid: int) -> str:
    """Return the start of `pid` in the kernel's ticks: it tells a process from a later one with the same number."""
    return _stat_field(pid, 19)


def command_line(pid: int) -> list[str]:
    """Return the arguments of process `pid`; empty if there is none or it may not be read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _state(pid: int) -> str:
    return _stat_field(pid, 0)


def _stat_field(pid: int, index: int) -> str:
    """Field `index` of /proc/PID/stat, counted from after the program's name (which may hold anything)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[index]
    except (OSError, IndexError):
        return ""
