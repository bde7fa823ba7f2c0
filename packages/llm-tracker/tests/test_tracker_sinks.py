"""Lines are stored exactly once, despite failures, forks, races and kills."""

import json
import logging
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import llm_tracker
from llm_tracker import sinks, spill
from llm_tracker.ids import uuid7
from llm_tracker.lines import Line
from llm_tracker.llm_tracker import LLMTracker
from llm_tracker.llm_usage_stats import get_summary_stats
from llm_tracker.sinks import current_target, record

MESSAGES = [{"role": "user", "content": "Say hello."}]
# Forking a process that has threads is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
FORK = multiprocessing.get_context("fork")


def line(total=3, user=1):
    return Line(
        id=uuid7(),
        user_id=user,
        model="m",
        provider=None,
        prompt_tokens=total,
        completion_tokens=0,
        total_tokens=total,
        cached_tokens=0,
        reasoning_tokens=0,
        cost=Decimal("0.10"),
        success=True,
        error=None,
        is_estimated=False,
        metadata={"text": "ü\n"},
        created_at=datetime.now(UTC),
    )


def write_many(count, total):
    for _ in range(count):
        record(current_target(), line(total))


def refuse(path, words="no room"):
    """A database that refuses lines until `allow`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON llm_tracker_usage "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
        connection.commit()


def allow(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER refuse")
        connection.commit()


def test_the_file_is_in_wal_mode(ledger):
    LLMTracker.call_and_track(MESSAGES)
    with closing(sqlite3.connect(ledger.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_failure_to_record_loses_neither_answer_nor_line(ledger, caplog):
    LLMTracker.call_and_track(MESSAGES)
    refuse(ledger.path)
    content, usage = LLMTracker.call_and_track(MESSAGES, state={"user_id": 5})
    assert (content, usage["total_tokens"]) == ("Hello!", 30)
    assert len(ledger.rows()) == 1
    assert json.loads(ledger.spill.read_text())["user_id"] == 5
    assert oct(ledger.spill.stat().st_mode)[-3:] == "600"
    (told,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert str(ledger.spill) in told.getMessage()
    assert "no room" in told.getMessage()
    allow(ledger.path)
    assert get_summary_stats()["total_calls"] == 2
    assert ledger.rows()[1]["user_id"] == 5
    assert not ledger.spill.exists()


def test_a_line_that_waits_with_a_cost_that_is_no_number_comes_without_it(ledger):
    LLMTracker.call_and_track(MESSAGES)
    refuse(ledger.path)
    LLMTracker.call_and_track(MESSAGES)
    line = json.loads(ledger.spill.read_text())
    ledger.spill.write_text(json.dumps({**line, "cost": "NaN"}) + "\n")
    allow(ledger.path)
    LLMTracker.call_and_track(MESSAGES)
    costs = {row["id"]: row["cost"] for row in ledger.rows()}
    assert costs.pop(line["id"].replace("-", "")) is None
    assert None not in costs.values()


def test_the_next_line_brings_in_those_that_wait(ledger):
    LLMTracker.call_and_track(MESSAGES)
    refuse(ledger.path)
    for _ in range(3):
        LLMTracker.call_and_track(MESSAGES)
    allow(ledger.path)
    LLMTracker.call_and_track(MESSAGES)
    assert len(ledger.rows()) == 5
    assert not ledger.spill.exists()


@pytest.mark.parametrize("trouble", ["folder", "garbage", "no folder"])
def test_a_database_that_cannot_be_opened(ledger, trouble):
    where = ledger.path
    if trouble == "folder":
        where.mkdir()
    elif trouble == "garbage":
        where.write_bytes(b"not a database at all" * 100)
    else:
        where = ledger.path.parent / "later" / "calls.db"
        llm_tracker.configure(LLM_TRACKER_DATABASE_URL=f"sqlite:///{where}")
    content, _ = LLMTracker.call_and_track(MESSAGES)
    assert content == "Hello!"
    if trouble == "folder":
        where.rmdir()
    elif trouble == "garbage":
        where.unlink()
    else:
        where.parent.mkdir(exist_ok=True)
    assert get_summary_stats()["total_calls"] == 1
    left = [path for path in ledger.path.parent.parent.rglob("*spill*") if path.is_file()]
    assert left == []


def test_a_locked_database_delays_a_line_and_then_spills_it(ledger, monkeypatch):
    LLMTracker.call_and_track(MESSAGES)
    monkeypatch.setattr("llm_tracker.database.BUSY_TIMEOUT", 0.2)
    from llm_tracker import database

    database.close_all()
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        LLMTracker.call_and_track(MESSAGES)
        other.execute("ROLLBACK")
    assert ledger.spill.exists()
    assert get_summary_stats()["total_calls"] == 2


def test_threads_behind_a_locked_database_do_not_wait_for_each_other(ledger, monkeypatch):
    LLMTracker.call_and_track(MESSAGES)
    monkeypatch.setattr("llm_tracker.database.BUSY_TIMEOUT", 0.4)
    from llm_tracker import database

    database.close_all()
    threads = [threading.Thread(target=LLMTracker.call_and_track, args=(MESSAGES,)) for _ in range(8)]
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        other.execute("ROLLBACK")
    assert took < 8 * 0.4
    assert get_summary_stats()["total_calls"] == 9


def test_a_dropped_table_and_a_removed_file_are_made_anew(ledger):
    LLMTracker.call_and_track(MESSAGES)
    with closing(sqlite3.connect(ledger.path)) as connection:
        connection.execute("DROP TABLE llm_tracker_usage")
    LLMTracker.call_and_track(MESSAGES)
    assert len(ledger.rows()) == 1
    for path in ledger.path.parent.iterdir():
        path.unlink()
    LLMTracker.call_and_track(MESSAGES)
    assert len(ledger.rows()) == 1
    assert not ledger.spill.exists()


def test_a_spill_file_may_be_put_elsewhere(ledger):
    elsewhere = ledger.path.parent / "waiting" / "lines.jsonl"
    llm_tracker.configure(LLM_TRACKER_SPILL_FILE=elsewhere)
    LLMTracker.call_and_track(MESSAGES)
    refuse(ledger.path)
    LLMTracker.call_and_track(MESSAGES)
    assert elsewhere.exists()
    allow(ledger.path)
    assert get_summary_stats()["total_calls"] == 2


def test_a_line_that_can_be_written_nowhere_is_in_the_log(ledger, monkeypatch, caplog):
    LLMTracker.call_and_track(MESSAGES)
    refuse(ledger.path)
    blocked = ledger.path.parent / "a file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    llm_tracker.configure(LLM_TRACKER_SPILL_FILE=blocked / "lines.jsonl")
    content, _ = LLMTracker.call_and_track(MESSAGES, node_name="the-lost-one")
    assert content == "Hello!"
    (told,) = [entry for entry in caplog.records if entry.levelno == logging.CRITICAL]
    assert "the-lost-one" in told.getMessage()


def test_a_replay_that_was_killed_after_the_insert_counts_once(clean):
    target, waiting = current_target(), [line(), line()]
    (path, _) = target.spill_files
    for one in waiting:
        spill.append(path, one)
    kept = path.read_bytes()
    assert get_summary_stats()["total_tokens"] == 6
    path.write_bytes(kept)  # as if the process had died before it removed the file
    assert get_summary_stats()["total_tokens"] == 6
    assert not path.exists()


def test_a_torn_line_spoils_no_other_and_is_kept_aside(clean):
    (path, _) = current_target().spill_files
    spill.append(path, line())
    with path.open("ab") as file:
        file.write(b'{"id": "0190')
    spill.append(path, line())
    with path.open("ab") as file:
        file.write(b'{"id": "torn at the en')
    assert get_summary_stats()["total_calls"] == 2
    assert not path.exists()
    damaged = path.with_name(path.name + ".damaged").read_bytes().splitlines()
    assert damaged == [b'{"id": "0190', b'{"id": "torn at the en']


def test_a_refused_line_stays_and_holds_up_no_other(clean):
    get_summary_stats()
    (path, _) = current_target().spill_files
    with closing(sqlite3.connect(clean / "llm_tracker.db")) as connection:
        connection.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON llm_tracker_usage WHEN NEW.user_id = 13 "
            "BEGIN SELECT RAISE(ABORT, 'not thirteen'); END"
        )
        connection.commit()
    for user in (*range(10, 17), 13):
        spill.append(path, line(user=user))
    assert get_summary_stats()["total_calls"] == 6
    assert [json.loads(text)["user_id"] for text in path.read_text().splitlines()] == [13, 13]
    with closing(sqlite3.connect(clean / "llm_tracker.db")) as connection:
        connection.execute("DROP TRIGGER picky")
        connection.commit()
    assert get_summary_stats()["total_calls"] == 8


def test_a_finaliser_that_runs_while_a_line_is_written_loses_nothing(clean, monkeypatch, caplog):
    inner, transaction = line(5), sinks.transaction

    @contextmanager
    def collecting(url):
        monkeypatch.setattr(sinks, "transaction", transaction)
        with transaction(url) as connection:
            record(current_target(), inner)  # what a stream's __del__ does when it is collected just now
            yield connection

    monkeypatch.setattr(sinks, "transaction", collecting)
    began = time.monotonic()
    record(current_target(), line(2))
    assert time.monotonic() - began < 5
    assert caplog.records == []
    assert get_summary_stats()["total_tokens"] == 7


def test_an_interruption_while_writing_loses_nothing(clean, monkeypatch):
    insert = sinks._insert

    def interrupted(url, lines):
        monkeypatch.setattr(sinks, "_insert", insert)
        raise KeyboardInterrupt

    monkeypatch.setattr(sinks, "_insert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record(current_target(), line(2))
    assert get_summary_stats()["total_tokens"] == 2


def threads_that_write(threads, count, total):
    started = [threading.Thread(target=write_many, args=(count, total)) for _ in range(threads)]
    for thread in started:
        thread.start()
    return started


def test_threads_and_forks_that_write_at_once_add_up(clean):
    record(current_target(), line(1))  # the parent has its connection open when it forks
    parents = threads_that_write(4, 40, 3)
    children = [FORK.Process(target=write_many_in_threads) for _ in range(5)]
    for child in children:
        child.start()
    write_many(20, 5)
    for waited in (*parents, *children):
        waited.join()
    assert [child.exitcode for child in children] == [0] * 5
    summary = get_summary_stats()
    assert summary["total_calls"] == 1 + 4 * 40 + 20 + 5 * 3 * 20
    assert summary["total_tokens"] == 1 + 4 * 40 * 3 + 20 * 5 + 5 * 3 * 20 * 7
    with closing(sqlite3.connect(clean / "llm_tracker.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def write_many_in_threads():
    for thread in threads_that_write(3, 20, 7):
        thread.join()


def test_processes_that_start_at_once_make_one_table(clean):
    together = FORK.Barrier(8)
    children = [FORK.Process(target=write_without_trouble, args=(together,)) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 8
    assert get_summary_stats()["total_calls"] == 40


def write_without_trouble(together):
    """Exit with 3 if a line went to the spill file."""
    logging.getLogger("llm_tracker").addFilter(lambda _: os._exit(3))
    together.wait(30)
    write_many(5, 1)


def test_processes_that_spill_and_replay_at_once_add_up(clean):
    get_summary_stats()
    children = [FORK.Process(target=spill_and_replay) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    summary = get_summary_stats()
    assert (summary["total_calls"], summary["total_tokens"]) == (4 * 50, 4 * 50 * 3)


def spill_and_replay():
    (path, _) = current_target().spill_files
    for number in range(50):
        spill.append(path, line())
        if number % 5 == 0:
            get_summary_stats()


WRITER = """
import sys
from llm_tracker.ids import uuid7
from llm_tracker.sinks import current_target, record
from llm_tracker import spill
sys.path.insert(0, {tests!r})
from test_tracker_sinks import line
import os
target = current_target()
while True:
    one = line()
    if sys.argv[1] == "spill":
        spill.append(target.spill_files[0], one)
    else:
        record(target, one)
    os.write(1, one.id.hex.encode() + b"\\n")
"""


@pytest.mark.parametrize("where", ["database", "spill"])
def test_what_was_recorded_survives_a_kill(clean, where):
    program = WRITER.format(tests=str(Path(__file__).parent))
    writers = [
        subprocess.Popen([sys.executable, "-c", program, where], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = []
    for writer in writers:
        told += [writer.stdout.readline().strip() for _ in range(30)]
        time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
        told += [text for text in writer.stdout.read().split("\n") if len(text) == 32]
        writer.wait()
        writer.stdout.close()
    assert get_summary_stats()["total_calls"] >= len(told) >= 60
    with closing(sqlite3.connect(clean / "llm_tracker.db")) as connection:
        written = Counter(row[0] for row in connection.execute("SELECT id FROM llm_tracker_usage"))
    assert set(told) <= set(written)
    assert set(written.values()) == {1}
    assert len(written) <= len(told) + 2  # of each writer the one line that it could not tell any more


def test_a_service_from_before_a_fork_works_in_the_child(ledger, chat_server):
    LLMTracker.call_and_track(MESSAGES)
    children = [FORK.Process(target=LLMTracker.call_and_track, args=(MESSAGES,)) for _ in range(3)]
    for child in children:
        child.start()
    LLMTracker.call_and_track(MESSAGES)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert len(ledger.rows()) == 5


def test_many_databases_do_not_use_up_the_open_files(clean):
    before = len(list(Path("/dev/fd").iterdir()))
    for number in range(30):
        llm_tracker.configure(LLM_TRACKER_DATABASE_URL=f"sqlite:///{number}.db")
        record(current_target(), line())
    assert len(list(Path("/dev/fd").iterdir())) - before < 30
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL="sqlite:///0.db")
    record(current_target(), line())
    assert get_summary_stats()["total_calls"] == 2


def test_memory_is_a_database_too(ledger):
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL="sqlite://")
    threads = [threading.Thread(target=LLMTracker.call_and_track, args=(MESSAGES,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get_summary_stats()["total_calls"] == 4
    assert not ledger.path.exists()
