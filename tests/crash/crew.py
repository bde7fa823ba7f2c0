"""Processes to be killed: forked from one that has all imports done, so that each is up in a moment. What runs in them
is what `daybook serve`, `ship` and `worker` run.

Run as a program, `python -m crash.crew`; the storm talks to it through `Crew`.
"""

import asyncio
import contextlib
import json
import os
import random
import selectors
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
TORN = "journal.write.torn"
"""A fault of its own: a record of which only a part reaches the file."""

UNDER = "postgres@"
"""How a fault begins that kills the database under a process at a named step: the process itself lives on."""

SEGMENT = 2**15
"""Bytes of a journal's segment here, so that segments end within a storm."""


@dataclass(eq=False)
class Member:
    """A process of the crew."""

    pid: int
    ended: "asyncio.Future[int]"
    """Its exit status, negative by signal."""

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Crew:
    """Starts processes and hears how each ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._starting: list[asyncio.Future[int]] = []
        self._members: dict[int, Member] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls) -> "Crew":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "crash.crew",
            cwd=TESTS,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def launch(self, role: str, log: Path, env: dict[str, str], fault: str = "") -> Member:
        """Start a process. `fault` is `name:n`: it dies the nth time that it comes by there."""
        assert self._process.stdin is not None
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starting.append(started)
        job = {"role": role, "log": str(log), "env": env, "fault": fault}
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        return self._members[await started]

    async def end(self) -> None:
        """Kill whoever is left."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        self._listening.cancel()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            news = json.loads(line)
            if "status" in news:
                self._members.pop(news["pid"]).ended.set_result(news["status"])
            else:
                ended = asyncio.get_running_loop().create_future()
                self._members[news["pid"]] = Member(news["pid"], ended)
                self._starting.pop(0).set_result(news["pid"])


def children_of(parent: int) -> list[int]:
    """The processes that `parent` started."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(folder.name))
    return found


def main() -> None:
    """Fork what is asked for, tell what has ended; end with standard input."""
    from daybook import shipping, worker  # noqa: F401  (that children have them)
    from daybook.web import serve  # noqa: F401

    inbox, outbox = os.pipe()
    os.set_blocking(inbox, False)
    os.set_blocking(outbox, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(outbox)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    selector.register(inbox, selectors.EVENT_READ)
    living: set[int] = set()
    waiting = b""
    while True:
        for key, _ in selector.select():
            if key.fd == inbox:
                with contextlib.suppress(BlockingIOError):
                    os.read(inbox, 4096)
                _reap(living)
                continue
            data = os.read(key.fd, 65536)
            if not data:
                _kill(living)
                return
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                living.add(_fork(json.loads(line)))


def _reap(living: set[int]) -> None:
    for pid in list(living):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            living.discard(pid)
            _tell(pid=pid, status=os.waitstatus_to_exitcode(status))


def _kill(living: set[int]) -> None:
    for pid in living:
        os.kill(pid, signal.SIGTERM)  # the database's keeper stops its server
    deadline = time.monotonic() + 5
    while living and time.monotonic() < deadline:
        for pid in list(living):
            if os.waitpid(pid, os.WNOHANG)[0]:
                living.discard(pid)
        time.sleep(0.02)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _tell(**news: int) -> None:
    os.write(sys.stdout.fileno(), json.dumps(news).encode() + b"\n")


def _fork(job: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        _tell(pid=child)
        return child
    status = 1
    try:
        _become(job)
        status = 0
    except BaseException:  # noqa: BLE001  (into its log, as Python itself would)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _become(job: dict[str, Any]) -> None:
    from daybook.db.embedded.bound_exec import die_with_parent
    from daybook.kit import failpoints
    from daybook.settings import Settings

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(job["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    die_with_parent(os.getppid(), signal.SIGTERM if job["role"] == "postgres" else signal.SIGKILL)
    os.environ.update(job["env"])
    name, _, count = job["fault"].partition(":")
    if name == TORN:
        _tear(int(count))
    elif name.startswith(UNDER):
        failpoints._NAME = name.removeprefix(UNDER)
        failpoints._come_by = lambda: _kill_postgres(Path(job["env"]["DAYBOOK_DATA"]), Path(job["log"]))
    else:
        failpoints._NAME, failpoints._left = name, int(count or 1)
    random.seed()
    _ROLES[job["role"]](Settings())


def _serve(settings: Any) -> None:
    from daybook.ledger.journal.writer import Journal
    from daybook.web import serve

    Journal.__init__.__kwdefaults__["segment"] = SEGMENT
    serve.serve(settings)


def _ship(settings: Any) -> None:
    from daybook import shipping

    shipping.run(settings)


def _work(settings: Any) -> None:
    from daybook import worker

    worker.run(settings)


def _keep_postgres(settings: Any) -> None:
    """Start the database, and start it again whenever it has died, as `daybook run` does."""
    from daybook.db.embedded import EmbeddedServer
    from daybook.kit.errors import DaybookError

    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    server = EmbeddedServer(settings.data)
    while not stopping:
        if not server.is_alive():
            try:
                server.start()
            except DaybookError as problem:
                sys.stderr.write(f"{problem}\n")
            else:
                (settings.data / "dsn").write_text(server.dsn)
        time.sleep(0.1)
    server.stop()


def _kill_postgres(data: Path, log: Path) -> None:
    """Kill all of the database at once, the first time; `log` with the ending `.done` tells that it was done."""
    from daybook.db.embedded.command import running_server

    done, server = log.with_suffix(".done"), running_server(data)
    if server is not None and not done.exists():
        for pid in [server.pid, *children_of(server.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        done.touch()


def _tear(count: int) -> None:
    """Die in the middle of the `count`th record: a part of it is in the file."""
    left = count
    pwritev = os.pwritev

    def torn(fd: int, pieces: Any, offset: int) -> int:
        nonlocal left
        left -= 1
        if left:
            return pwritev(fd, pieces, offset)
        record = b"".join(pieces)
        pwritev(fd, [record[: random.randrange(1, random.choice([200, len(record)]))]], offset)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    os.pwritev = torn


_ROLES = {"serve": _serve, "ship": _ship, "work": _work, "postgres": _keep_postgres}

if __name__ == "__main__":
    main()
