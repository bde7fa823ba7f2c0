"""Replace this process by a program with limits that dies with its parent.

Run as a script by `child_process.py`: `confined_exec.py PARENT MEMORY CPU FILE PROGRAM ARGUMENT…`; MEMORY and FILE are
in bytes, CPU in seconds. It is a script because `preexec_fn` can hang between fork and exec if the parent has threads.
It imports nothing of Daybook, so that it starts in a few milliseconds.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
NICE = 10  # people who wait for a page go first


def limit(what: int, amount: int) -> None:
    """Set the limit of a resource, at most the current hard limit."""
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        amount = min(amount, hard)
    with contextlib.suppress(ValueError, OSError):  # systems other than Linux know not all of them
        resource.setrlimit(what, (amount, amount))


def main(parent: str, memory: str, cpu: str, file_size: str, *command: str) -> None:
    """Replace this process by `command`."""
    limit(resource.RLIMIT_AS, int(memory))
    limit(resource.RLIMIT_CPU, int(cpu))
    limit(resource.RLIMIT_FSIZE, int(file_size))
    limit(resource.RLIMIT_CORE, 0)
    os.nice(NICE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before we asked
        sys.exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execv(command[0], command)  # noqa: S606  (that is what this script is for)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201  (read by whoever started it)
        sys.exit(126)


if __name__ == "__main__":
    main(*sys.argv[1:])
