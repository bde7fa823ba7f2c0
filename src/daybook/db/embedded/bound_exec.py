"""Become another program that dies with its parent, and that may run as another user.

Run as a script by `process.spawn`: `bound_exec.py PARENT SIGNAL UID GID PROGRAM ARGUMENT…`; UID and GID are `-` to keep
the current ones. Not a `preexec_fn`, because code between fork and exec can hang if the parent has threads. It imports
nothing of Daybook: it starts in milliseconds, from a folder that only root may read.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, death_signal: int) -> None:
    """Ask the kernel to send us `death_signal` when the thread that started us ends.

    Changing user clears the request, so call this after `setuid`. Other systems than Linux have no such
    thing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


def main(parent: str, death_signal: str, uid: str, gid: str, *command: str) -> None:
    """Replace this process by `command`."""
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    die_with_parent(int(parent), int(death_signal))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execv(command[0], command)  # noqa: S606  (that is what this script is for)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201  (goes to the program's log)
        sys.exit(126)


if __name__ == "__main__":
    main(*sys.argv[1:])
