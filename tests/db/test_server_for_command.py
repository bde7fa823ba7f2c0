"""Whose server a command uses."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from daybook.db.embedded import (
    DataLock,
    EmbeddedServer,
    RunningServer,
    running_server,
    server_for_command,
)
from daybook.db.embedded.cluster import remove_cluster

COMMAND = """
import sys, time
from pathlib import Path
from daybook.db.embedded import server_for_command
with server_for_command(Path(sys.argv[1])) as server:
    print(server.url(), flush=True)
    time.sleep(1)
"""


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "data"
        remove_cluster(Path(name) / "data")


def answer(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone()


def test_without_a_run_it_has_one_of_its_own_that_ends_with_it(folder):
    assert running_server(folder) is None
    with server_for_command(folder) as server:
        assert isinstance(server, EmbeddedServer)
        assert answer(server.url()) == (1,)
        assert running_server(folder).pid == server.pid
    assert running_server(folder) is None


def test_beside_a_run_it_uses_that_ones_server_and_leaves_it_up(folder):
    lock = DataLock.acquire(folder, "run")
    run = EmbeddedServer(folder, lock=lock, durable=False).start()
    try:
        with server_for_command(folder) as server:
            assert isinstance(server, RunningServer)
            assert server.pid == run.pid
            assert server.dsn == run.dsn
            assert answer(server.url()) == (1,)
        assert run.is_alive()
    finally:
        run.stop()
        lock.release()


def test_two_commands_at_once_take_turns(folder):
    first = subprocess.Popen([sys.executable, "-c", COMMAND, str(folder)], stdout=subprocess.PIPE, text=True)
    url = first.stdout.readline().strip()
    with psycopg.connect(url) as connection:
        began = time.monotonic()
        with server_for_command(folder) as server:
            assert time.monotonic() - began > 0.3  # it waited for the first one to end
            assert answer(server.url()) == (1,)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    first.stdout.close()
    assert first.wait() == 0


def test_a_stale_note_of_a_server_is_not_believed(folder):
    with server_for_command(folder):
        pass
    note = (folder / "postgres").resolve() / "18" / "postmaster.pid"
    note.write_text(f"{1}\n{note.parent}\n0\n5432\n{folder}\n\n0\nready\n")
    assert running_server(folder) is None
