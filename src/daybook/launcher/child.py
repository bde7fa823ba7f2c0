"""A child process that is restarted when it ends."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from daybook.db.embedded.logfile import LogFile
from daybook.db.embedded.process import spawn

_LONGEST_PAUSE = 30.0
_SETTLED = 60.0  # seconds of running after which the count of deaths starts again
_PATIENCE = 1.0  # seconds after which the wait is reported
_HURRIED = 3.0  # seconds to write records after dropping calls in progress


@dataclass
class Backoff:
    """The pause before a restart: 0.5 s, doubled each time, at most 30 s."""

    deaths: int = 0
    _started: float = 0.0

    def started(self) -> None:
        """Record a start."""
        self._started = time.monotonic()

    def pause(self) -> float:
        """Record a death. Returns the seconds to wait."""
        if time.monotonic() - self._started > _SETTLED:
            self.deaths = 0
        self.deaths += 1
        return min(0.5 * 2 ** min(self.deaths - 1, 10), _LONGEST_PAUSE)


@dataclass(eq=False)
class Child:
    """A program with its log and its restarts."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: LogFile
    lock_fd: int
    """The data folder's lock, which the child holds until it ends."""
    grace: float = 8.0
    """Seconds to finish its work when it is stopped."""
    expendable: bool = False
    """True if Daybook continues without it when it cannot run."""
    backoff: Backoff = field(default_factory=Backoff)
    process: "subprocess.Popen[bytes] | None" = None
    _log_start: int = 0

    def start(self) -> None:
        """Start it. It gets SIGTERM when this process ends, even by SIGKILL."""
        self.log.rotate()
        self._log_start = self.log.size()
        self.process = spawn(
            self.command,
            death_signal=signal.SIGTERM,
            output=self.log.fd,
            env=self.env,
            pass_fds=(self.lock_fd,),
        )
        self.backoff.started()

    def exit_status(self) -> int | None:
        """The exit status (negative: a signal); None while it runs. Its remaining processes are killed."""
        if self.process is None:
            return None
        status = self.process.poll()
        if status is not None:
            _kill_group(self.process.pid)
        return status

    def last_lines(self, count: int = 8) -> str:
        """The last lines of its log since its start."""
        return self.log.tail(count, since=self._log_start)

    def stop(self, hurry: Callable[[], bool], waiting: Callable[[], None] = lambda: None) -> None:
        """Stop it with SIGTERM, and with SIGKILL after its grace. Once `hurry()` is true, SIGINT asks it to drop its
        work, and its grace is shortened. `waiting` is called once if this takes a while.
        """
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            process.terminate()
            began = time.monotonic()
            deadline, hurried, said = began + self.grace, False, False
            while process.poll() is None and (moment := time.monotonic()) < deadline:
                if not hurried and hurry():
                    hurried, deadline = True, min(deadline, moment + _HURRIED)
                    process.send_signal(signal.SIGINT)
                elif not said and moment > began + _PATIENCE:
                    said = True
                    waiting()
                time.sleep(0.02)
            _kill_group(process.pid)
            process.wait()
        self.log.close()


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _kill_group(pid: int) -> None:
    """Kill every process of the session led by `pid`, such as a video encoder."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
