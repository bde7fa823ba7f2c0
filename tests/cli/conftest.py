"""The command line as it is typed: a process of its own."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
def cli(plain_environment, database_url, tmp_path):
    """`await cli("usage", "--json")`, on the test's database. It fails the test on a traceback."""

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
