"""Who kills whom when, and what is left then."""

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from crash.callers import Caller
from crash.crew import UNDER, Crew, Member
from crash.installation import Installation
from crash.plan import asks
from crash.points import AT_STOP, OFTEN, count, failpoints

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


class Storm:
    """Keeps every process running and kills each again and again."""

    def __init__(self, crew: Crew, data: Path, seed: int, parts: int) -> None:
        self.seed = seed
        self.toll = Toll()
        self._rng = random.Random(seed)
        self.installation = Installation(crew, data, self._rng)
        self._points = failpoints()
        self._wanted = {
            name for names in self._points.values() for name in sorted(names)[seed % parts :: parts]
        }
        """The part of the points at which a process has to die; `seed` chooses one of `parts`."""
        self._faults: dict[str, str] = {}
        """The point at which each member is to die next."""
        self._calm = asyncio.Event()
        self._slow = 1.0
        self._round = 0

    async def rage(self, seconds: float, at_most: float, callers: int) -> list[Caller]:
        """Call and kill: for `seconds`, and until every wanted point has killed once, but not beyond `at_most`."""
        self._round += 1
        self._calm.clear()
        self._slow = slowness()
        at_most *= self._slow
        stop = asyncio.Event()
        clients = [Caller(self.installation.gateways, self.installation.codes) for _ in range(callers)]
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
            self.installation.kill(name)  # all at once, in the middle of everything
        self.installation.kill_postgres("all")
        await asyncio.gather(*working)
        await asyncio.gather(*keepers)
        return clients

    def missed(self) -> list[str]:
        """Return the wanted points at which no process has died yet, or not often enough."""
        return [name for name in sorted(self._wanted) if self._is_missed(name)]

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
            await self.installation.launch(name, role)
        await self.installation.postgres_answers()
        for port in self.installation.gateways:
            await self.installation.answers(port)
        stop = asyncio.Event()
        callers = [Caller(self.installation.gateways, self.installation.codes) for _ in range(clients)]
        plans = [asks(self.seed, f"r{self._round}calm{n}", gateways=2, calm=True) for n in range(clients)]
        await asyncio.gather(
            *(caller.work(plan, stop, at_most=calls) for caller, plan in zip(callers, plans, strict=True))
        )
        return callers

    async def drain(self) -> list[str]:
        """Let everything that was written down arrive, and stop. What is left that should not be."""
        problems: list[str] = []
        if left := await self.installation.journals_are(3):
            problems.append(
                f"journals of the dead remain beside those of both gateways and the worker: {left}"
            )
        for name in ("serve 0", "serve 1", "work 0"):
            problems += await self.installation.stop(name)
        if left := await self.installation.journals_are(0):
            problems.append(f"journals remain although nobody writes: {left}")
        problems += await self.installation.stop("ship 0")
        quarantine = self.installation.data / "quarantine"
        if quarantine.exists() and any(quarantine.iterdir()):
            problems.append(f"in quarantine: {[path.name for path in quarantine.iterdir()]}")
        return problems

    async def _keep(self, name: str, role: str) -> None:
        """Start it again whenever it has died, each time with another fault."""
        await asyncio.sleep(self._rng.uniform(0, 0.3))
        while not self._calm.is_set():
            self._faults[name] = point = self._next_point(role)
            fault = f"{point}:{count(self._rng, point)}" if point else ""
            member = await self.installation.launch(name, role, fault)
            await self._until_its_death(
                name, member, point, patience=(1 if role == "serve" else 2) * WAIT * self._slow
            )
            if not member.ended.done():
                self.installation.kill(name)
            status = await member.ended
            if name in self.installation.killed:
                self.installation.killed.discard(name)
                self.toll.at_random[role] += 1
            elif status == -signal.SIGKILL and point:
                self.toll.at_points[point] += 1
            elif point not in AT_STOP or status not in {0, -signal.SIGTERM}:  # the latter: it was not up yet
                said = self.installation.log(name).read_text()[-3000:]
                self.toll.problems.append(f"{name} ended by itself with status {status}:\n{said}")
                await asyncio.sleep(0.5)

    async def _until_its_death(self, name: str, member: Member, point: str, *, patience: float) -> None:
        """Wait until it has come by its fault; not longer than `patience` seconds."""
        if point.startswith(UNDER):
            done = self.installation.log(name).with_suffix(".done")
            deadline = time.monotonic() + patience
            while not done.exists() and not member.ended.done() and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            if done.exists():
                self.toll.at_points[point] += 1
                await _ends(member, 2.0)
        elif point in AT_STOP:
            if (
                not await _ends(member, self._rng.uniform(0.5, 2) * self._slow)
                and name not in self.installation.killed
            ):
                member.kill(signal.SIGTERM)
                await _ends(member, patience)
        else:
            await _ends(member, patience)

    def _next_point(self, role: str) -> str:
        """Return a wanted point at which no process has died yet; if none is left, any point."""
        points = self._points[role]
        missed = self.missed()
        fresh = [one for one in points if one in missed and one not in self._faults.values()]
        return self._rng.choice(fresh or points or [""])

    async def _kill_at_random(self) -> None:
        rng = self._rng
        while True:
            await asyncio.sleep(rng.uniform(0.5, 3.0) * self._slow)
            victim = rng.choice(["serve 0", "serve 1", "ship 0", "ship 1", "work 0", "postgres"])
            if victim.startswith("serve") and rng.random() < 0.6 and self.missed():
                continue  # it has a step to come by
            if victim != "postgres":
                self.installation.kill(victim)
            elif self.installation.kill_postgres(how := rng.choice(["all", "one", "head"])):
                self.toll.at_random[f"postgres, {how}"] += 1
                await asyncio.sleep(
                    rng.uniform(2, 4) * self._slow
                )  # it must get up, or the others never work


def slowness() -> float:
    """Return how many times its processor time a piece of work takes: 1 on an idle machine. Processes need that much
    longer to get somewhere, so they are killed that much less often.
    """
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < 0.1:
        pass
    return min(max(1.0, (time.monotonic() - began) / (time.process_time() - used)), 6.0)


async def _ends(member: Member, seconds: float) -> bool:
    """Whether it ends within `seconds`."""
    await asyncio.wait([member.ended], timeout=seconds)
    return member.ended.done()
