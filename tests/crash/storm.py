"""The system under test, and who kills it: two gateways, two shippers, a worker, PostgreSQL."""

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from crash.callers import Caller
from crash.crew import TESTS, TORN, UNDER, Crew, Member, children_of
from crash.plan import asks

SOURCE = TESTS.parent / "src" / "daybook"

ROLES = {
    "journal": "serve",
    "journal.delete": "ship",
    "budget": "serve",
    "budget.settle": "ship",
    "book": "ship",
    "shipper": "ship",
}
"""Who comes by the fault points whose names begin so."""

ELSEWHERE = {"outbox": "test_outbox_kill.py", "assistant": "test_outbox_kill.py"}
"""Points that other tests kill at."""

OFTEN = {"journal.closed.before": 3, TORN: 2}
"""Points at which more than one has to die, for it matters in the middle of what."""

AT_STOP = {"budget.give_back.before", "budget.give_back.after"}
"""Points that a process passes at the latest when it is asked to stop: so it is."""

WAIT = 6.0
"""Seconds that a process gets to come by its fault; then it is killed where it is."""


@dataclass(slots=True)
class Toll:
    """What the storm has done."""

    at_points: Counter[str] = field(default_factory=Counter)
    at_random: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.at_points.total() + self.at_random.total()


def fault_points() -> dict[str, list[str]]:
    """Every named step in the source, by the role that comes by there. Raises where nobody is known to."""
    points: dict[str, list[str]] = {
        "serve": [TORN, UNDER + "budget.lease.before"],
        "ship": [UNDER + "book.copy.between", UNDER + "book.commit.before"],
        "work": [],
    }
    for path in SOURCE.rglob("*.py"):
        for name in re.findall(r'faults\.point\("([^"]+)"\)', path.read_text()):
            first, second, *_ = name.split(".")
            if first not in ELSEWHERE:
                points[ROLES.get(f"{first}.{second}") or ROLES[first]].append(name)
    return points


class Storm:
    """Keeps every process running and kills each again and again."""

    def __init__(self, crew: Crew, data: Path, seed: int) -> None:
        self.data = data
        self.seed = seed
        self.toll = Toll()
        self.ports = free_ports(3)
        self.dsn = ""
        self.codes: list[str] = []
        self._crew = crew
        self._rng = random.Random(seed)
        self._points = fault_points()
        self._faults: dict[str, str] = {}
        """The point at which each member is to die next."""
        self._members: dict[str, Member] = {}
        self._calm = asyncio.Event()
        self._round = 0
        self._killed: set[str] = set()
        """Names of members that were killed from outside and not started again yet."""

    @property
    def gateways(self) -> list[int]:
        """The ports of both gateways."""
        return self.ports[:2]

    @property
    def provider_port(self) -> int:
        return self.ports[2]

    async def start_postgres(self) -> None:
        """Start it and learn its address."""
        self._members["postgres"] = await self._crew.launch(
            "postgres", self._log("postgres"), {"DAYBOOK_DATA": str(self.data)}
        )
        place = self.data / "dsn"
        async with asyncio.timeout(60):
            while not place.exists() or not (dsn := place.read_text()):
                await asyncio.sleep(0.05)
        self.dsn = dsn.replace("+asyncpg", "")

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[Path]:
        """The fake provider; its books."""
        books = self.data / "provider.jsonl"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "crash.provider", str(self.provider_port), str(books),
            cwd=TESTS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        try:
            yield books
        finally:
            process.stdin.close()
            await process.wait()

    async def rage(self, seconds: float, at_most: float, callers: int) -> list[Caller]:
        """Call and kill: for `seconds`, and until every named step has killed once, but not beyond `at_most`."""
        self._round += 1
        self._calm.clear()
        stop = asyncio.Event()
        clients = [Caller(self.gateways, self.codes) for _ in range(callers)]
        plans = [asks(self.seed, f"r{self._round}c{n}", gateways=2) for n in range(callers)]
        names = {"serve 0": "serve", "serve 1": "serve", "ship 0": "ship", "ship 1": "ship", "work 0": "work"}
        keepers = [asyncio.create_task(self._keep(name, role)) for name, role in names.items()]
        working = [
            asyncio.create_task(client.work(plan, stop)) for client, plan in zip(clients, plans, strict=True)
        ]
        chaos = asyncio.create_task(self._kill_at_random())
        began = time.monotonic()
        while (spent := time.monotonic() - began) < at_most and (spent < seconds or self.missed()):
            await asyncio.sleep(0.1)
        chaos.cancel()
        stop.set()
        self._calm.set()
        for name in names:
            self._kill(name)  # all at once, in the middle of everything
        self._kill_postgres("all")
        await asyncio.gather(*working)
        await asyncio.gather(*keepers)
        return clients

    def missed(self) -> list[str]:
        """The named steps at which nobody has been killed yet, or not often enough."""
        named = [name for names in self._points.values() for name in names]
        return [name for name in named if self._is_missed(name)]

    def _is_missed(self, point: str) -> bool:
        return self.toll.at_points[point] < OFTEN.get(point, 1)

    async def call_calmly(self, clients: int, calls: int) -> list[Caller]:
        """Start everything again, without faults, and call."""
        for name, role in (
            ("serve 0", "serve"),
            ("serve 1", "serve"),
            ("ship 0", "ship"),
            ("work 0", "work"),
        ):
            await self._launch(name, role)
        await self._postgres_answers()
        for port in self.gateways:
            await self._answers(port)
        stop = asyncio.Event()
        callers = [Caller(self.gateways, self.codes) for _ in range(clients)]
        plans = [asks(self.seed, f"r{self._round}calm{n}", gateways=2, calm=True) for n in range(clients)]
        await asyncio.gather(
            *(caller.work(plan, stop, at_most=calls) for caller, plan in zip(callers, plans, strict=True))
        )
        return callers

    async def drain(self) -> list[str]:
        """Let everything that was written down arrive, and stop. What is left that should not be."""
        problems: list[str] = []
        if left := await self._journals_are(2):
            problems.append(f"journals of the dead remain beside those of both gateways: {left}")
        for name in ("serve 0", "serve 1"):
            problems += await self._stop(name)
        if left := await self._journals_are(0):
            problems.append(f"journals remain although nobody writes: {left}")
        for name in ("ship 0", "work 0"):
            problems += await self._stop(name)
        quarantine = self.data / "quarantine"
        if quarantine.exists() and any(quarantine.iterdir()):
            problems.append(f"in quarantine: {[path.name for path in quarantine.iterdir()]}")
        return problems

    async def _keep(self, name: str, role: str) -> None:
        """Start it again whenever it has died, each time with another fault."""
        await asyncio.sleep(self._rng.uniform(0, 0.3))
        while not self._calm.is_set():
            self._faults[name] = point = self._next_point(role)
            fault = f"{point}:{self._count(role, point)}" if point else ""
            member = await self._launch(name, role, fault)
            await self._until_its_death(name, member, point, patience=WAIT if role == "serve" else 2 * WAIT)
            if not member.ended.done():
                self._kill(name)
            status = await member.ended
            if name in self._killed:
                self._killed.discard(name)
                self.toll.at_random[role] += 1
            elif status == -signal.SIGKILL and point:
                self.toll.at_points[point] += 1
            elif point not in AT_STOP or status not in {0, -signal.SIGTERM}:  # the latter: it was not up yet
                said = self._log(name).read_text()[-3000:]
                self.toll.problems.append(f"{name} ended by itself with status {status}:\n{said}")
                await asyncio.sleep(0.5)

    async def _until_its_death(self, name: str, member: Member, point: str, *, patience: float) -> None:
        """Wait until it has come by its fault; not longer than `patience` seconds."""
        if point.startswith(UNDER):
            done = self._log(name).with_suffix(".done")
            deadline = time.monotonic() + patience
            while not done.exists() and not member.ended.done() and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            if done.exists():
                self.toll.at_points[point] += 1
                await _ends(member, 2.0)
        elif point in AT_STOP:
            if not await _ends(member, self._rng.uniform(0.5, 2)) and name not in self._killed:
                member.kill(signal.SIGTERM)
                await _ends(member, patience)
        else:
            await _ends(member, patience)

    def _next_point(self, role: str) -> str:
        """First those at which nobody has died yet."""
        points = self._points[role]
        fresh = [one for one in points if self._is_missed(one) and one not in self._faults.values()]
        return self._rng.choice(fresh or points or [""])

    def _count(self, role: str, point: str) -> int:
        """How often it may come by before it dies: journals are written much more often than leases are taken."""
        if point in AT_STOP:
            return 1
        often = point.startswith(("journal.opened", "journal.closed", "journal.sync", TORN))
        return self._rng.randint(2, 20) if often else self._rng.randint(1, 3)

    async def _kill_at_random(self) -> None:
        rng = self._rng
        while True:
            await asyncio.sleep(rng.uniform(0.5, 3.0))
            victim = rng.choice(["serve 0", "serve 1", "ship 0", "ship 1", "work 0", "postgres"])
            if victim.startswith("serve") and rng.random() < 0.6 and self.missed():
                continue  # it has a step to come by
            if victim != "postgres":
                self._kill(victim)
            elif self._kill_postgres(rng.choice(["all", "one", "head"])):
                await asyncio.sleep(rng.uniform(2, 4))  # it must get up, or the others never work

    def _kill(self, name: str) -> None:
        member = self._members.get(name)
        if member is not None and not member.ended.done() and name not in self._killed:
            self._killed.add(name)
            member.kill()

    def _kill_postgres(self, how: str) -> bool:
        """`all`: every process at once; `one`: one session, for which the server ends all; `head`: the postmaster
        alone, whose sessions notice and end.
        """
        keeper = self._members["postgres"].pid
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
        self.toll.at_random[f"postgres, {how}"] += 1
        return True

    async def _launch(self, name: str, role: str, fault: str = "") -> Member:
        number = int(name.split()[1])
        env = {
            "DAYBOOK_DATA": str(self.data),
            "DATABASE_URL": self.dsn,
            "DAYBOOK_PORT": str(self.gateways[number]),
            "DAYBOOK_JOURNAL_SYNC": "disk" if number else "process",
            "DAYBOOK_SECRET_KEY": "",
        }
        self._log(name).with_suffix(".done").unlink(missing_ok=True)
        member = self._members[name] = await self._crew.launch(role, self._log(name), env, fault)
        return member

    async def _stop(self, name: str) -> list[str]:
        """Ask it to stop, and say what is wrong with how it did."""
        member = self._members[name]
        member.kill(signal.SIGTERM)
        try:
            status = await asyncio.wait_for(asyncio.shield(member.ended), 20)
        except TimeoutError:
            return [f"{name} does not stop"]
        return [] if status == 0 else [f"{name} stopped with status {status}"]

    async def _journals_are(self, count: int) -> list[str]:
        """Wait until there are `count` journals; else those that there are."""
        folder = self.data / "journal"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            journals = sorted(path.name for path in folder.iterdir() if path.is_dir())
            if len(journals) == count:
                return []
            await asyncio.sleep(0.05)
        return [f"{name}: {sorted(path.name for path in (folder / name).iterdir())}" for name in journals]

    async def _postgres_answers(self) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    connection = await asyncpg.connect(self.dsn)
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.1)
                else:
                    await connection.close()
                    return

    async def _answers(self, port: int) -> None:
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

    def _log(self, name: str) -> Path:
        return self.data / f"{name}.log"


async def _ends(member: Member, seconds: float) -> bool:
    """Whether it ends within `seconds`."""
    await asyncio.wait([member.ended], timeout=seconds)
    return member.ended.done()


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, out of those that the kernel gives to no client: a gateway comes back to its own."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
    return ports
