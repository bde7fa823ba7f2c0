"""The tests in several processes at a time (`make test`): which of them go together, and which begin first."""

from typing import Any

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/browser/",)
"""Folders whose tests share a `daybook run`, which must not be there twice."""

LONG = (
    "tests/browser/",
    "tests/crash/",
    "tests/journeys/",
    "tests/launcher/",
    "tests/lifelog/",
    "tests/gateway/",
    "tests/jobs/",
)
"""What takes longest, in order: begun late, it would keep the others waiting at the end."""


class Files(LoadFileScheduling):
    """A process is given one file after the other, whole, for what its tests share."""

    def _split_scope(self, nodeid: str) -> str:
        return next(
            (folder for folder in TOGETHER if nodeid.startswith(folder)), super()._split_scope(nodeid)
        )


def rank(item: Any) -> int:
    """Where a test stands among the others; equal ones stay as they are."""
    return next((at for at, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))
