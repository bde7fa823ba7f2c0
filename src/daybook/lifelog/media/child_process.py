"""Child processes that read untrusted files: with limits, in a process group, and ended with their parent.

The kernel kills a child when the thread that started it ends, so only the thread of the event loop starts them.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

_CONFINED_EXEC = Path(__file__).with_name("confined_exec.py")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
"""Environment variables that children inherit; others hold passwords and keys."""

LARGEST_FILE = 2**40
"""Default limit in bytes of a file that a child writes."""

NOT_STARTED = 126
"""Exit status if the program could not be started."""

_MOST_WORDS = 4000  # characters of what a child complains of that are kept
_LONGEST_LINE = 2**16


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a child."""

    seconds: float
    """Wall-clock time; processor time is limited to that of all cores in it."""
    memory: int = 8 * 2**30
    """Bytes of address space, which exceeds the memory in use."""
    file_size: int = LARGEST_FILE
    """Bytes of one file that it writes."""


@dataclass(slots=True)
class Child:
    """A running child. The caller reads `process.stdout`."""

    process: asyncio.subprocess.Process
    said: deque[str] = field(default_factory=deque[str])

    @property
    def complaint(self) -> str:
        """The end of its stderr."""
        return "\n".join(self.said)[-_MOST_WORDS:]


@asynccontextmanager
async def run_child(
    command: Sequence[str],
    limits: Limits,
    on_line: Callable[[str], Awaitable[bool]] | None = None,
    *,
    pass_fds: Sequence[int] = (),
) -> AsyncGenerator[Child]:
    """Run `command` for the block; leaving the block ends it with its process group.

    `on_line` gets every line of stderr and returns True for those it consumes; the others are kept. The child inherits
    the open files `pass_fds` under the same numbers. Raises `TimeoutError` if it takes too long.
    """
    cpu = int(limits.seconds * (os.cpu_count() or 1)) + 1
    numbers = (os.getpid(), limits.memory, cpu, limits.file_size)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(_CONFINED_EXEC),
        *map(str, numbers),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"MALLOC_ARENA_MAX": "2"},
        start_new_session=True,
        pass_fds=pass_fds,
        limit=_LONGEST_LINE,
    )
    child = Child(process)
    listening = asyncio.create_task(_listen(child, on_line))
    # Where `on_line` raises nobody reads on: the child is ended, and whoever reads its output meets the end.
    listening.add_done_callback(
        lambda task: None if task.cancelled() or not task.exception() else _kill(process)
    )
    try:
        async with asyncio.timeout(limits.seconds):
            yield child
            await _drain(process.stdout)
            await listening
            await process.wait()
    finally:
        _kill(process)
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await listening
        # Its end is told only when its pipes are read to theirs.
        await _drain(process.stdout)
        await _drain(process.stderr)
        await process.wait()


async def _listen(child: Child, on_line: Callable[[str], Awaitable[bool]] | None) -> None:
    """Read stderr to its end, so that the child never waits for us."""
    stream = child.process.stderr
    kept = 0
    while stream is not None:
        try:
            line = await stream.readline()
        except ValueError:  # a line of more than `_LONGEST_LINE`, which is thrown away
            continue
        if not line:
            return
        text = line.decode(errors="replace").rstrip()
        if on_line is not None and await on_line(text):
            continue
        child.said.append(text[:_MOST_WORDS])
        kept += len(child.said[-1])
        while kept > _MOST_WORDS and len(child.said) > 1:
            kept -= len(child.said.popleft())


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _drain(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(_LONGEST_LINE):
        pass
