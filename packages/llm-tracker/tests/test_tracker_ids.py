import os
import threading
import time
from uuid import RFC_4122

from llm_tracker import ids
from llm_tracker.ids import uuid7


def test_an_id_is_a_uuid_of_version_7_and_tells_its_time():
    before = time.time_ns() // 1_000_000
    made = uuid7()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ids_ascend():
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)
    assert len(set(made)) == len(made)


def test_ids_ascend_when_the_clock_goes_back_or_the_counter_runs_out(monkeypatch):
    first = uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    second = uuid7()
    monkeypatch.setattr(ids._clock, "counter", ids._COUNTER_MAX)
    third = uuid7()
    assert first < second < third
    assert third.int >> 80 == (second.int >> 80) + 1


def test_threads_make_no_id_twice():
    made = []
    threads = [threading.Thread(target=lambda: made.extend([uuid7() for _ in range(2000)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000


def test_a_fork_makes_ids_of_its_own(monkeypatch):
    now = time.time_ns() + 10**9
    monkeypatch.setattr(time, "time_ns", lambda: now)  # parent and child live in the same millisecond
    uuid7()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"".join(uuid7().bytes[:12] for _ in range(50)))
        os._exit(0)
    os.waitpid(child, 0)
    made = os.read(reading, 600)
    os.close(reading)
    os.close(writing)
    theirs = {made[at : at + 12] for at in range(0, 600, 12)}
    ours = {uuid7().bytes[:12] for _ in range(50)}
    assert len(theirs) == 50
    assert not theirs & ours
