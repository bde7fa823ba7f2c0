"""Logs of children stay small and readable."""

import stat
import subprocess

from daybook.db.embedded.logfile import LogFile


def write(log, text):
    subprocess.run(["/bin/sh", "-c", 'printf %s "$0"', text], stdout=log.fd, check=True)


def test_a_log_that_has_grown_is_kept_once_and_goes_on_empty(tmp_path):
    with LogFile(tmp_path / "log" / "child.log", limit=100) as log:
        for number in range(30):
            write(log, f"line {number}\n")
        log.rotate()
        write(log, "after\n")
        assert log.path.read_text() == "after\n"
        older = log.path.with_name("child.log.1")
        assert older.read_text().endswith("line 29\n")
        assert older.stat().st_size <= 100
        assert stat.S_IMODE(older.stat().st_mode) == 0o600


def test_its_tail_is_of_this_life_only(tmp_path):
    with LogFile(tmp_path / "child.log") as log:
        write(log, "an earlier life\n")
        start = log.size()
        write(log, "one\ntwo\nthree\n")
        assert log.tail(2, since=start) == "two\nthree"
        assert log.tail(9, since=start) == "one\ntwo\nthree"
