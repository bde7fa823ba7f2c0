"""The database cluster of a data folder, and its creation.

    <data>/postgres/            the server's home, owned by its user, 0700
        18/                     the cluster; appears by a rename, so it is whole or missing
        run/                    the socket

If the server runs as another user who cannot enter the data folder (`/root` is 0700), `<data>/postgres` is a link to a
home below /var/lib/daybook/clusters.
"""

import hashlib
import os
import secrets
import shutil
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

from daybook.db.embedded.binaries import MAJOR, SYSTEM_FOLDER
from daybook.db.embedded.logfile import LogFile
from daybook.db.embedded.probe import socket_file
from daybook.db.embedded.process import SystemUser, spawn
from daybook.db.embedded.user import owner_of, server_user, succeeds_as
from daybook.kit.errors import Unavailable

USER = "daybook"
"""The database's superuser, and the database's name."""

_LONGEST_SOCKET = 100  # the kernel takes 107 bytes, and libpq wants some of them


@dataclass(frozen=True)
class Cluster:
    """A data folder's database on disk."""

    home: Path
    """Its real place."""
    user: SystemUser | None
    """Its owner; None: this process's user."""

    @property
    def directory(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / MAJOR

    @property
    def sockets(self) -> Path:
        """The folder of the socket; a short one elsewhere when the home's path is too long for a socket."""
        usual = self.home / "run"
        if len(os.fsencode(socket_file(usual))) <= _LONGEST_SOCKET:
            return usual
        short = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        if self.user is not None:
            return SYSTEM_FOLDER / "run" / short
        return Path(f"/tmp/daybook-{os.geteuid()}-{short}")  # noqa: S108  (made 0700, and checked to be ours)


def open_cluster(data: Path) -> Cluster:
    """The home of `data`'s database, made when it is missing. Call it with the data folder locked."""
    link = data / "postgres"
    if not os.path.lexists(link):
        user = server_user()
        if user is None:
            link.mkdir(mode=0o700)
        else:
            _make_home_for(link, user)
    if not link.exists():
        raise Unavailable(
            f"The database of {data} is gone: {link} points to {link.readlink()}, which is not there. "
            "Bring it back from a backup, or remove the link to begin with an empty one."
        )
    home = link.resolve()
    user = owner_of(home)
    if user is not None and not succeeds_as(user, "/bin/sh", "-c", 'cd -- "$1"', "sh", str(home)):
        raise Unavailable(
            f"The database server runs as the user {user.name}, who cannot enter {home}. "
            "Let everybody pass through the folders above it (chmod o+x)."
        )
    return Cluster(home, user)


def make_cluster(cluster: Cluster, binaries: Path, log: LogFile, lock_fd: int, *, sync: bool = True) -> None:
    """Make the cluster, under a temporary name until it is whole.

    initdb holds the data folder's lock: killed with us, its own children may write a moment longer.
    """
    new = cluster.directory.with_name(f"{MAJOR}.new")
    if new.exists():  # left by one that was killed
        shutil.rmtree(new)
    command = [
        str(binaries / "initdb"),
        "-D",
        str(new),
        "-U",
        USER,
        "--auth=trust",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [] if sync else ["--no-sync"]
    start = log.size()
    initdb = spawn(
        command,
        death_signal=signal.SIGKILL,
        user=cluster.user,
        output=log.fd,
        env=server_environment(),
        pass_fds=(lock_fd,),
        cwd="/",
    )
    if initdb.wait() != 0:
        shutil.rmtree(new, ignore_errors=True)
        raise Unavailable(f"The database could not be made in {cluster.home}:\n{log.tail(8, since=start)}")
    new.rename(cluster.directory)


def make_socket_folder(cluster: Cluster) -> Path:
    """The socket's folder, for the server's user only: access to it is access to the database."""
    folder = cluster.sockets
    if cluster.user is not None:  # below a folder that only root and that user can write to
        if folder.parent != cluster.home:
            _make_system_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, cluster.user.uid, cluster.user.gid)
        return folder
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise Unavailable(f"{folder} is in the way of the database's socket. Remove it.") from None
        folder.chmod(0o700)
    return folder


def remove_cluster(data: Path) -> None:
    """Remove `data`'s database, wherever it is. For tests, and for a fresh start."""
    link = data / "postgres"
    if link.exists():
        home = link.resolve()
        shutil.rmtree(Cluster(home, owner_of(home)).sockets, ignore_errors=True)
        shutil.rmtree(home)
    if link.is_symlink():
        link.unlink()


def server_environment() -> dict[str, str]:
    """The server's environment: nothing of ours, least of all PGDATA, PGPORT or a password."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _make_home_for(link: Path, user: SystemUser) -> None:
    if succeeds_as(user, "/bin/sh", "-c", 'cd -- "$1"', "sh", str(link.parent.resolve())):
        part = link.with_name("postgres.new")
        part.mkdir(mode=0o700, exist_ok=True)
        os.chown(part, user.uid, user.gid)
        if part.stat().st_uid == user.uid:  # some file systems have one owner for everything
            part.rename(link)
            return
        part.rmdir()
    clusters = SYSTEM_FOLDER / "clusters"
    _make_system_folder(clusters)
    home = clusters / secrets.token_hex(6)
    home.mkdir(mode=0o700)
    os.chown(home, user.uid, user.gid)
    link.symlink_to(home)


def _make_system_folder(folder: Path) -> None:
    """`folder`, just below `SYSTEM_FOLDER`, such that every user can pass, whatever our umask is."""
    for each in (SYSTEM_FOLDER, folder):
        each.mkdir(parents=True, exist_ok=True)
        each.chmod(0o755)
