"""The system under test: two gateways, shippers, a worker, PostgreSQL, and the provider that they call."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from crash.crew import TESTS, Crew, Member, children_of


class Installation:
    """Starts processes by their names, such as `serve 0`, and kills them."""

    def __init__(self, crew: Crew, data: Path, rng: random.Random) -> None:
        self.data = data
        self.ports = free_ports(3)
        self.dsn = ""
        self.codes: list[str] = []
        self.members: dict[str, Member] = {}
        self.killed: set[str] = set()
        """Names of members that were killed from outside and not started again yet."""
        self._crew = crew
        self._rng = rng

    @property
    def gateways(self) -> list[int]:
        """The ports of both gateways."""
        return self.ports[:2]

    @property
    def provider_port(self) -> int:
        return self.ports[2]

    async def start_postgres(self) -> None:
        """Start it and learn its address."""
        self.members["postgres"] = await self._crew.launch(
            "postgres", self.log("postgres"), {"DAYBOOK_DATA": str(self.data)}
        )
        place = self.data / "dsn"
        async with asyncio.timeout(60):
            while not place.exists() or not (dsn := place.read_text()):
                await asyncio.sleep(0.05)
        self.dsn = dsn.replace("+asyncpg", "")

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[Path]:
        """The fake provider; its record."""
        record = self.data / "provider.jsonl"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "crash.provider", str(self.provider_port), str(record),
            cwd=TESTS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        try:
            yield record
        finally:
            process.stdin.close()
            await process.wait()

    async def launch(self, name: str, role: str, fault: str = "") -> Member:
        number = int(name.split()[1])
        env = {
            "DAYBOOK_DATA": str(self.data),
            "DATABASE_URL": self.dsn,
            "DAYBOOK_PORT": str(self.gateways[number]),
            "DAYBOOK_JOURNAL_SYNC": "disk" if number else "process",
            "DAYBOOK_SECRET_KEY": "",
        }
        self.log(name).with_suffix(".done").unlink(missing_ok=True)
        member = self.members[name] = await self._crew.launch(role, self.log(name), env, fault)
        return member

    def kill(self, name: str) -> None:
        member = self.members.get(name)
        if member is not None and not member.ended.done() and name not in self.killed:
            self.killed.add(name)
            member.kill()

    def kill_postgres(self, how: str) -> bool:
        """`all`: every process at once; `one`: one session, for which the server ends all; `head`: the postmaster
        alone, whose sessions notice and end.
        """
        keeper = self.members["postgres"].pid
        head = next(iter(children_of(keeper)), None)
        if head is None:
            return False
        if how == "all":
            os.kill(head, signal.SIGSTOP)  # so that it starts nothing meanwhile
        victims = children_of(head)
        if how == "one":
            victims = self._rng.sample(victims, 1) if victims else []
        elif how == "head":
            victims = []
        for pid in victims + ([head] if how != "one" else []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return True

    async def stop(self, name: str) -> list[str]:
        """Ask it to stop, and say what is wrong with how it did."""
        member = self.members[name]
        member.kill(signal.SIGTERM)
        try:
            status = await asyncio.wait_for(asyncio.shield(member.ended), 20)
        except TimeoutError:
            return [f"{name} does not stop"]
        return [] if status == 0 else [f"{name} stopped with status {status}"]

    async def journals_are(self, count: int) -> list[str]:
        """Wait until there are `count` journals; else those that there are."""
        deadline = time.monotonic() + 20
        while len(journals := _journals(self.data / "journal")) != count:
            if time.monotonic() > deadline:
                return [f"{name}: {inside}" for name, inside in journals.items()]
            await asyncio.sleep(0.05)
        return []

    async def postgres_answers(self) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    connection = await asyncpg.connect(self.dsn)
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.1)
                else:
                    await connection.close()
                    return

    async def answers(self, port: int) -> None:
        """Wait until the gateway lets calls in: it has heard of the database."""
        request = f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.codes[0]}\r\n\r\n"
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(request.encode())
                    said = await reader.readline()
                    writer.close()
                    if b"200" in said:
                        break
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)  # its budgets are read every second

    def said(self, words: str) -> list[str]:
        """What gateways logged under `words`, with its traceback."""
        return [
            f"{name}: {words}{part[:6000]}"
            for name in ("serve 0", "serve 1")
            for part in self.log(name).read_text().split(words)[1:]
        ]

    def log(self, name: str) -> Path:
        return self.data / f"{name}.log"


def _journals(folder: Path) -> dict[str, list[str]]:
    """What is in each journal. One with a lock and no segment is none: its writer died before it had one."""
    found: dict[str, list[str]] = {}
    for journal in folder.iterdir():
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it is deleted meanwhile
            inside = sorted(path.name for path in journal.iterdir())
            if inside not in ([], ["lock"]):
                found[journal.name] = inside
    return found


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, out of those that the kernel gives to no client: a gateway comes back to its own."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
    return ports
