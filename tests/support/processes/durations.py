"""How long tests took when they were measured (`make durations`), and which of them are slow: all that do not fit into
the time of `make test-fast`. A test without a measurement is not slow.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

FILE = Path(__file__).resolve().parents[2] / "durations.json"

BUDGET = 170.0
"""Seconds of two cores: what is left of two minutes after the tests were collected."""

_SHORT = 0.2
"""Seconds below which a test is not kept by itself."""


def slow_tests() -> frozenset[str]:
    """Return the ids of the tests that do not fit: the shortest go first.

    The first test of a file to fit also pays for what the file's tests share.
    """
    measured = json.loads(FILE.read_text()) if FILE.exists() else {}
    tests = [
        (seconds, file, name) for file, kept in measured.items() for name, seconds in kept["tests"].items()
    ]
    left = BUDGET - sum(kept["short"] for kept in measured.values())
    begun = {file for file, kept in measured.items() if kept["short"]}
    left -= sum(measured[file]["shared"] for file in begun)
    slow: set[str] = set()
    for seconds, file, name in sorted(tests):
        cost = seconds + (0 if file in begun else measured[file]["shared"])
        if cost <= left:
            left -= cost
            begun.add(file)
        else:
            slow.add(f"{file}::{name}")
    return frozenset(slow)


class Measurement:
    """Keeps how long each test takes; a plugin of the process that starts the others."""

    def __init__(self) -> None:
        self._setup: dict[str, float] = {}
        self._rest: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "setup":
            self._setup[report.nodeid] = report.duration
        else:
            self._rest[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write what was measured, by file."""
        by_file: dict[str, list[str]] = defaultdict(list)
        for nodeid in self._setup:
            by_file[nodeid.partition("::")[0]].append(nodeid)
        kept = {file: self._of_file(by_file[file]) for file in sorted(by_file)}
        FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")

    def _of_file(self, nodeids: Iterable[str]) -> dict[str, Any]:
        """A fixture that tests share is set up by one of them: it takes longer than is usual in its file."""
        usual = median(self._setup[nodeid] for nodeid in nodeids)
        tests: dict[str, float] = {}
        short = shared = 0.0
        for nodeid in nodeids:
            setup = self._setup[nodeid]
            if setup > usual + 1:
                shared += setup - usual
                setup = usual
            seconds = setup + self._rest[nodeid]
            if seconds < _SHORT:
                short += seconds
            else:
                tests[nodeid.partition("::")[2]] = round(seconds, 2)
        return {"shared": round(shared, 2), "short": round(short, 2), "tests": dict(sorted(tests.items()))}
