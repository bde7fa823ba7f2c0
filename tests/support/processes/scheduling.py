"""The tests in several processes at a time (`make test`): which of them go together, and which begin first."""

from typing import Any

from xdist.scheduler import LoadFileScheduling

HEAVY = (
    "tests/crash/",
    "tests/launcher/",
    "tests/journeys/test_first_minutes.py",
    "tests/journeys/test_footage_to_diary.py",
    "tests/lifelog/test_diary_demo.py",
    "tests/browser/",
)
"""What takes all of a small machine, with a whole Daybook or the demo model: one after the other, in one process."""

LONG = (*HEAVY, "tests/lifelog/", "tests/gateway/", "tests/jobs/", "tests/cli/")
"""What takes longest, in order: begun late, it would keep the others waiting at the end."""


class Files(LoadFileScheduling):
    """A process is given one file after the other, whole, for what its tests share; what is heavy goes as one."""

    def _split_scope(self, nodeid: str) -> str:
        return "heavy" if nodeid.startswith(HEAVY) else super()._split_scope(nodeid)


def rank(item: Any) -> int:
    """Where a test stands among the others; equal ones stay as they are."""
    return next((at for at, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))
