"""Named places where a crash test may kill this process.

`DAYBOOK_FAILPOINT=journal.closed.before:3` in the environment kills it with SIGKILL when it reaches that failpoint for
the third time. Without the variable a failpoint costs one comparison.
"""

import os
import signal

_NAME, _, _COUNT = os.environ.get("DAYBOOK_FAILPOINT", "").partition(":")
_left = int(_COUNT or 1)


def point(name: str) -> None:
    """Die here if `DAYBOOK_FAILPOINT` names this failpoint."""
    if name == _NAME:
        _reach()


def _reach() -> None:
    global _left  # noqa: PLW0603  (the count of this process)
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
