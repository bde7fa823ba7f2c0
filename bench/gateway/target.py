"""What is measured: a target is started, says where to send a request, tells what it used and recorded."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import exchange
from exchange import Mode
from processes import BenchError, Process, command_name, cpu_seconds, descendants, free_port, listeners


@dataclass(frozen=True)
class Recorded:
    """What a target has in its ledger so far."""

    lines: int
    """Calls in the ledger."""
    exact: int
    """Those of them that succeeded, with the very tokens that the provider reported."""
    logs: int
    """Exchanges kept, whole or broken off."""

    def __sub__(self, earlier: "Recorded") -> "Recorded":
        return Recorded(self.lines - earlier.lines, self.exact - earlier.exact, self.logs - earlier.logs)


class Target(ABC):
    """One server under load. `key` is what a client shows; `note` says in the table what this server does."""

    name: str
    note: str
    key: str = "sk-bench-not-a-secret"

    def __init__(self, folder: Path, core: int, upstream_port: int) -> None:
        self.folder = folder
        self.core = core
        self.upstream = f"http://127.0.0.1:{upstream_port}"
        self.upstream_port = upstream_port
        self.port = free_port()
        self.process: Process | None = None
        folder.mkdir()

    @abstractmethod
    def start(self) -> None:
        """Start it and return when it answers. Raises BenchError with the log's end when it does not."""

    def url(self, mode: Mode) -> str:
        """Where a client posts its chat completion; gateways choose the provider by the model's name."""
        del mode
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.stop()

    @property
    def running(self) -> Process:
        """Its process. Raises BenchError before `start`."""
        if self.process is None:
            raise BenchError(f"{self.name} has not been started.")
        return self.process

    def recorded(self) -> Recorded | None:
        """What is in its ledger now; None when it keeps none."""
        return None

    def final_problems(self) -> list[str]:
        """What else is wrong with its ledger, looked at once, at the end."""
        return []

    def pids(self) -> list[int]:
        """All of its processes."""
        return list(descendants(self.running.pid))

    def serving(self) -> list[int]:
        """The processes that answer requests: those that listen on the port."""
        return listeners(self.port, self.pids())

    def cpu(self) -> dict[str, float]:
        """CPU seconds used so far: by `all` of its processes, by those that `serve`, by its `database`."""
        pids = self.pids()
        database = [pid for pid in pids if command_name(pid).startswith("postgres")]
        return {
            "all": cpu_seconds(pids),
            "serve": cpu_seconds(self.serving()),
            "database": cpu_seconds(database),
        }

    def check(self, mode: Mode) -> int:
        """Send one request and read the whole answer; give its size in bytes.

        Raises BenchError when it is not the answer.
        """
        address = urlsplit(self.url(mode))
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
            connection.request("POST", address.path, exchange.request_body(mode), headers)
            response = connection.getresponse()
            body = response.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise BenchError(f"{self.name} did not answer a {mode} request: {error!r}.") from error
        finally:
            connection.close()
        try:
            right = response.status == 200 and exchange.received_text(mode, body) == exchange.ANSWER
        except (ValueError, KeyError, IndexError, TypeError):
            right = False
        if not right:
            raise BenchError(f"{self.name} answered a {mode} request with {response.status}: {body[:1000]}")
        return len(body)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return when `ready` says so; else raise BenchError with the end of the log."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.running.require_alive()
            if time.monotonic() > deadline:
                tail = self.running.log_tail()
                raise BenchError(f"{self.name} was not ready after {seconds:.0f} s. Its log ends:\n{tail}")
            time.sleep(0.25)

    def answers(self, path: str) -> bool:
        """Whether a GET of `path` gives 200."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
