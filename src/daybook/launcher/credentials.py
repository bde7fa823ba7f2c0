"""`<data>/credentials.json`: how the first administrator gets in."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Credentials:
    """What a newcomer needs to use Daybook."""

    url: str
    account: str
    password: str = field(repr=False)
    activation_code: str = field(repr=False)


def read_credentials(data: Path) -> Credentials | None:
    """The credentials kept in `data`, if there are any that can be read."""
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
    """Keep `credentials` for the owner's eyes; a reader sees the old file or the new one, never a part."""
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
    """The kept credentials, their address made true: the port may be another one than last time."""
    kept = read_credentials(data)
    if kept is not None and kept.url != url:
        kept = replace(kept, url=url)
        write_credentials(data, kept)
    return kept


def _path(data: Path) -> Path:
    return data / "credentials.json"
