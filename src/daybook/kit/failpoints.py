"""Named places where a crash test may kill this process.

`DAYBOOK_FAILPOINT=journal.closed.before:3` in the environment kills it with SIGKILL the third time it comes by there.
Without it a place costs one comparison.
"""

import os
import signal

_NAME, _, _COUNT = os.environ.get("DAYBOOK_FAILPOINT", "").partition(":")
_left = int(_COUNT or 1)


def point(name: str) -> None:
    """Die here, if a crash test wants it."""
    if name == _NAME:
        _come_by()


def _come_by() -> None:
    global _left  # noqa: PLW0603  (the count of this process)
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
