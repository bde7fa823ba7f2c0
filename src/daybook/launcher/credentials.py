"""`<data>/credentials.json`: the first administrator's credentials."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Credentials:
    """The URL, account, password and code of the first run."""

    url: str
    account: str
    password: str = field(repr=False)
    activation_code: str = field(repr=False)


def read_credentials(data: Path) -> Credentials | None:
    """Read the credentials in `data`; None if they are missing or unreadable."""
    try:
        kept = json.loads(_path(data).read_text())
        return Credentials(
            url=str(kept["url"]),
            account=str(kept["account"]),
            password=str(kept["password"]),
            activation_code=str(kept["activation_code"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_credentials(data: Path, credentials: Credentials) -> None:
    """Write `credentials` atomically, readable by the owner only."""
    path = _path(data)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(asdict(credentials), file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def with_url(data: Path, url: str) -> Credentials | None:
    """Read the credentials and update their URL, as the port may have changed."""
    kept = read_credentials(data)
    if kept is not None and kept.url != url:
        kept = replace(kept, url=url)
        write_credentials(data, kept)
    return kept


def _path(data: Path) -> Path:
    return data / "credentials.json"
