"""The journal on a real disk: what was written is read again, however its writer ended."""

import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from orjson import dumps

from daybook.ledger.journal import Journal, JournalFull, JournalReader, Kind, journals_in
from daybook.ledger.journal.format import FRAME_SIZE
from llm_tracker.ids import uuid7


def read(folder):
    reader = JournalReader(folder)
    return reader, [record for _, record in reader.records()]


def kinds(records):
    return [record.kind.name for record in records]


def test_what_is_written_is_read_in_order(tmp_path):
    journal = Journal(tmp_path)
    call = uuid7()
    journal.open_call(call, dumps({"model": "m"}), b"request")
    journal.progress(call, b"{}", b"some")
    journal.close_call(call, dumps({"status": 200}), b"answer", essential=b"{}")
    _, records = read(journal.folder)
    assert kinds(records) == ["OPENED", "PROGRESS", "CLOSED"]
    assert {record.call_id for record in records} == {call}
    assert [record.body for record in records] == [b"request", b"some", b"answer"]
    assert records[0].header == {"model": "m"}


def test_a_reader_goes_on_where_it_stopped(tmp_path):
    journal = Journal(tmp_path)
    reader = JournalReader(journal.folder)
    for _ in range(3):
        journal.open_call(uuid7(), b"{}", b"")
        assert kinds(record for _, record in reader.records()) == ["OPENED"]
    assert list(reader.records()) == []


@settings(max_examples=40, deadline=None)
@given(bodies=some.lists(some.binary(max_size=3000), max_size=30))
def test_segments_follow_each_other_unseen(tmp_path_factory, bodies):
    journal = Journal(tmp_path_factory.mktemp("journal"), segment=16 * 1024)
    calls = [uuid7() for _ in bodies]
    for call, body in zip(calls, bodies, strict=True):
        journal.open_call(call, dumps({"n": len(body)}), body)
    for call, body in zip(calls, bodies, strict=True):
        journal.close_call(call, b"{}", body[::-1], essential=b"{}")
    _, records = read(journal.folder)
    assert [record.body for record in records] == [*bodies, *(body[::-1] for body in bodies)]
    assert [record.call_id for record in records] == calls * 2


def test_records_larger_than_a_segment_get_one_of_their_size(tmp_path):
    journal = Journal(tmp_path, segment=16 * 1024)
    body = os.urandom(300_000)
    call = uuid7()
    journal.open_call(call, b"{}", body)
    journal.close_call(call, b"{}", body, essential=b"{}")
    _, records = read(journal.folder)
    assert [record.body for record in records] == [body, body]


def test_only_a_living_writer_holds_its_journal(tmp_path):
    journal = Journal(tmp_path)
    assert journals_in(tmp_path) == [journal.folder]
    reader = JournalReader(journal.folder)
    assert not reader.writer_is_gone()
    journal.close()
    assert reader.writer_is_gone()
    reader.delete()
    assert journals_in(tmp_path) == []


def open_until_full(journal):
    while True:
        call = uuid7()
        try:
            journal.open_call(call, b"{}", b"x" * 1000)
        except JournalFull:
            return
        yield call


def test_at_its_limit_it_takes_no_more_calls_but_ends_those_it_took(tmp_path):
    journal = Journal(tmp_path, segment=16 * 1024, limit=64 * 1024)
    calls = list(open_until_full(journal))
    assert calls
    for call in calls:
        journal.close_call(call, dumps({"all": True}), b"y" * 20_000, essential=dumps({"all": False}))
    _, records = read(journal.folder)
    closed = [record for record in records if record.kind is Kind.CLOSED]
    assert [record.call_id for record in closed] == calls
    assert any(not record.header["all"] and record.body == b"" for record in closed)


def test_room_comes_back_when_segments_are_forgotten(tmp_path):
    journal = Journal(tmp_path, segment=16 * 1024, limit=64 * 1024)
    reader = JournalReader(journal.folder)
    for _ in range(200):
        call = uuid7()
        journal.open_call(call, b"{}", b"x" * 1000)
        journal.close_call(call, b"{}", b"", essential=b"{}")
        for segment, _record in reader.records():
            reader.forget_before(segment)


DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from llm_tracker.ids import uuid7
from orjson import dumps
from daybook.ledger.journal import Journal, JournalFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path(sys.argv[1]), segment=64 * 1024)
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))  # no segment can be longer: as good as a full disk
calls = []
try:
    while True:
        call = uuid7()
        journal.open_call(call, b"{}", b"x" * 100_000 if len(calls) == 5 else b"x")
        calls.append(call)
except JournalFull:
    pass
for call in calls:
    journal.close_call(call, dumps({"all": True}), b"y" * 100_000, essential=dumps({"all": False}))
print(len(calls))
"""


def test_a_disk_without_room_refuses_the_next_call_and_keeps_the_ends_of_the_others(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DISK_FULL, tmp_path], capture_output=True, text=True, check=True
    )
    (folder,) = journals_in(tmp_path)
    _, records = read(folder)
    assert int(done.stdout) == 5
    assert kinds(records) == ["OPENED"] * 5 + ["CLOSED"] * 5
    assert [record.header for record in records[5:]] == [{"all": False}] * 5


KILLED = """
import os, signal, sys
from pathlib import Path
from llm_tracker.ids import uuid7
from orjson import dumps
from daybook.ledger.journal import Journal
journal = Journal(Path(sys.argv[1]), segment=16 * 1024)
while True:
    call = uuid7()
    journal.open_call(call, b"{}", os.urandom(500))
    journal.close_call(call, b"{}", os.urandom(500), essential=b"{}")
    os.write(1, call.bytes)
"""


def test_a_killed_writer_loses_nothing_that_it_said_it_had_written(tmp_path):
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE)
        said = process.stdout.read(16)  # it has begun
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        said += process.communicate()[0]
        promised = {said[at : at + 16] for at in range(0, len(said) - 15, 16)}
        assert promised
        folder = journals_in(tmp_path)[-1]
        reader, records = read(folder)
        assert reader.writer_is_gone()
        assert promised <= {record.call_id.bytes for record in records if record.kind is Kind.CLOSED}
        reader.delete()


@pytest.mark.parametrize("damage", ["cut", "flip", "zeros"])
def test_a_torn_record_is_seen_and_costs_only_itself(tmp_path, damage):
    journal = Journal(tmp_path)
    whole = uuid7()
    journal.open_call(whole, b"{}", b"whole")
    end = journal._offset
    journal.open_call(uuid7(), b"{}", b"torn" * 1000)
    journal.close()
    path = next(journal.folder.glob("*.journal"))
    with path.open("r+b") as file:
        if damage == "cut":
            file.truncate(end + FRAME_SIZE + 100)
        else:
            file.seek(end + FRAME_SIZE + 1000)
            file.write(b"\0" * 100 if damage == "zeros" else b"?")
    reader, records = read(journal.folder)
    assert [record.call_id for record in records] == [whole]
    assert reader.skip_torn()
    assert reader.torn == 1
    assert list(reader.records()) == []
    assert not reader.skip_torn()


async def test_disk_mode_returns_when_the_bytes_are_there(tmp_path):
    journal = Journal(tmp_path, sync="disk", segment=16 * 1024)
    for _ in range(50):
        call = uuid7()
        journal.open_call(call, b"{}", b"x" * 900)
        await journal.durable()
        journal.close_call(call, b"{}", b"", essential=b"{}")
        await journal.durable()
    assert len(read(journal.folder)[1]) == 100
