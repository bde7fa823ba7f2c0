"""The system's user that the server runs as: PostgreSQL refuses root."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from daybook.db.embedded.process import SystemUser, spawn
from daybook.kit.errors import Unavailable

NAME = "daybook"
_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def server_user() -> SystemUser | None:
    """Return the user of a new server; None: this process's user, which is not root.

    As root it is the user `daybook`, created if needed, or if that fails `postgres` or `nobody`.
    """
    if os.geteuid() != 0:
        return None
    for name in (NAME, "postgres", "nobody"):
        user = _find(name) or (_create(name) if name == NAME else None)
        if user is not None and user.uid != 0:
            return user
    raise Unavailable(
        "PostgreSQL does not run as root, and there is no other user that it could run as. "
        f"Make one with `useradd --system {NAME}`, or run Daybook as a plain user."
    )


def owner_of(directory: Path) -> SystemUser | None:
    """Return the owner of an existing cluster if it is not this process's user.

    Raises `Unavailable` if no server can run on it.
    """
    uid = directory.stat().st_uid
    if uid == os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        entry = None
    if entry is None or uid == 0 or os.geteuid() != 0:
        owner = f"user {entry.pw_name}" if entry else f"a user without a name (id {uid})"
        raise Unavailable(
            f"The database in {directory} belongs to {owner}, and we cannot run a server on it. "
            "Run Daybook as the user who made it, or give this one a folder of its own with DAYBOOK_DATA."
        )
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def succeeds_as(user: SystemUser, *command: str) -> bool:
    """True if `command` succeeds as `user`: the only reliable test of that user's access."""
    process = spawn(command, death_signal=signal.SIGKILL, user=user, output=subprocess.DEVNULL, cwd="/")
    return process.wait() == 0


def _find(name: str) -> SystemUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> SystemUser | None:
    useradd = shutil.which("useradd", path=_SYSTEM_PATH)
    if useradd is None:
        return None
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    options += ["--shell", "/usr/sbin/nologin", "--comment", "Daybook's database"]
    subprocess.run([useradd, *options, name], check=False, capture_output=True)  # noqa: S603  (our own words)
    return _find(name)  # also when another process made it just now
