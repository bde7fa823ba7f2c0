"""The command line: `cli` runs a command in a process forked from one that is ready, `typed` as it is typed."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from support.processes import command

DAYBOOK = str(Path(sys.executable).with_name("daybook"))


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def plain_environment(tmp_path):
    """An environment that says nothing of Daybook but where its data is."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DATABASE"))
    }
    return {**clean, "DAYBOOK_DATA": str(tmp_path / "data")}


@pytest.fixture
def cli(plain_environment, database_url, tmp_path, forks):
    """`await cli("usage", "--json")`, on the test's database. It fails the test on a traceback."""
    numbers = count()

    async def run(*arguments, input=None, **environment) -> Done:  # noqa: A002  (as subprocess calls it)
        fault = environment.pop("DAYBOOK_FAILPOINT", "")  # which Python reads when it starts
        env = {**plain_environment, "DATABASE_URL": database_url, **environment}
        folder = tmp_path / f"command {next(numbers)}"
        sent = b"" if input is None else input.encode()
        command.write(folder, arguments, env, tmp_path, sent)
        status = await forks.ended(await forks.start("command", str(folder), fault=fault))
        out, err = (folder / "out").read_text(), (folder / "err").read_text()
        assert "Traceback" not in out + err, err
        return Done(status, out, err)

    return run


@pytest.fixture
def typed(plain_environment, database_url, tmp_path):
    """The same as a process of its own, with `output` for its stdout."""

    async def run(*arguments, input=None, output=None, **environment) -> Done:  # noqa: A002  (as subprocess calls it)
        process = await asyncio.create_subprocess_exec(
            DAYBOOK,
            *arguments,
            env={**plain_environment, "DATABASE_URL": database_url, **environment},
            cwd=tmp_path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if output is None else output,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(None if input is None else input.encode()), 60)
        out = out or b""
        assert process.returncode is not None
        assert b"Traceback" not in out + err, err.decode()
        return Done(process.returncode, out.decode(), err.decode())

    return run
