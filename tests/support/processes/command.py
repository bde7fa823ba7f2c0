"""A `daybook` command in a forked process (`support.processes.forks`): Python and all imports are there already."""

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from daybook import __main__, settings


def write(
    folder: Path, arguments: tuple[str, ...], env: dict[str, str], cwd: Path, sent: bytes = b""
) -> None:
    """Describe a command, and what it reads from stdin, in a new folder."""
    folder.mkdir()
    (folder / "in").write_bytes(sent)
    (folder / "command.json").write_text(json.dumps({"arguments": arguments, "env": env, "cwd": str(cwd)}))


def main(name: str) -> None:
    """Run the command that the folder `name` describes, with files for its streams, and end."""
    folder = Path(name)
    command: dict[str, Any] = json.loads((folder / "command.json").read_text())
    os.environ.clear()
    os.environ.update(command["env"])
    time.tzset()
    os.chdir(command["cwd"])
    for number, stream in enumerate(("in", "out", "err")):
        flags = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(folder / stream, flags, 0o600), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (they stay open)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["daybook", *command["arguments"]]
    settings.settings.cache_clear()
    try:
        __main__.main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  (Python ends so)
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
