"""The database of a command, and the errors without one."""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from daybook.db.embedded import DataLock, EmbeddedServer
from daybook.db.embedded.cluster import remove_cluster


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "data"
        remove_cluster(Path(name) / "data")


def run(environment, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "daybook", *arguments],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def test_it_brings_its_own_server_or_uses_the_one_that_runs(plain_environment, folder):
    environment = {**plain_environment, "DAYBOOK_DATA": str(folder)}
    alone = run(environment, "group", "add", "made alone")
    assert alone.returncode == 0, alone.stderr
    lock = DataLock.acquire(folder, "run")
    server = EmbeddedServer(folder, lock=lock, durable=False).start()
    try:
        beside = run(environment, "group", "list", "--json")
        assert server.is_alive()
    finally:
        server.stop()
        lock.release()
    assert beside.returncode == 0, beside.stderr
    assert "made alone" in beside.stdout


async def test_an_empty_database_is_set_up_first(plain_environment, databases):
    async with databases.copy("template0") as url:
        environment = {**plain_environment, "DATABASE_URL": url}
        done = await asyncio.to_thread(run, environment, "usage", "--json")
    assert done.returncode == 0, done.stderr
    assert '"total_calls": 0' in done.stdout


def test_a_database_that_is_away_is_told_without_its_password(plain_environment):
    for url, words in (
        ("postgresql://me:hunter2@127.0.0.1:1/daybook", "database is unavailable"),
        ("mysql://me:hunter2@localhost/daybook", "PostgreSQL"),
        ("hunter2", "DATABASE_URL"),
        ("postgresql://me:hunter2@127.0.0.1:port/daybook", "DATABASE_URL"),
        (
            "postgresql://me:hunter2@127.0.0.1:1/daybook?sslmode=require&connect_timeout=5",
            "database is unavailable",
        ),
        ("postgresql://me:hunter2@127.0.0.1:1/daybook?colour=hunter2", "colour"),
    ):
        done = run({**plain_environment, "DATABASE_URL": url}, "usage")
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
        assert "hunter2" not in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_settings_that_cannot_be_are_named_without_their_value(plain_environment):
    done = run({**plain_environment, "DAYBOOK_PORT": "hunter2"}, "usage")
    assert done.returncode == 1
    assert "DAYBOOK_PORT" in done.stderr
    assert "hunter2" not in done.stderr


def test_processes_that_stay_up_say_that_they_need_a_database(plain_environment):
    for command in ("serve", "worker"):
        done = run(plain_environment, command)
        assert done.returncode == 1
        assert "DATABASE_URL" in done.stderr


def test_help_comes_at_once(plain_environment):
    run(plain_environment, "--help")
    began = time.perf_counter()
    done = run(plain_environment, "--help")
    took = time.perf_counter() - began
    assert done.returncode == 0
    for command in ("run", "serve", "worker", "usage", "calls", "config", "price", "group", "code", "user"):
        assert f"  {command} " in done.stdout
    # Ten times what it takes: importing what commands need would be felt even so.
    assert took < 1
