"""The load: wrk on the load's core, one round at a time, and what is to be believed of its result."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import exchange
from exchange import Mode
from processes import BenchError, core_seconds
from target import Recorded, Target

SETTLE_SECONDS = 60.0  # a target that has not written its records by then has failed
STILL_SECONDS = (
    2.0  # without a further line after which the last call that was cut off is taken to be recorded
)
QUIET_SHARE = 0.1  # of its core: a target that uses less has finished what the load left behind
SHORTEST_ANSWER = 0.95  # of the checked answer's size, on average


@dataclass(frozen=True)
class Cell:
    """One line of the table, before a target is chosen."""

    mode: Mode
    connections: int


@dataclass(frozen=True)
class Round:
    """What one round measured. Times in seconds unless the name says otherwise."""

    target: str
    mode: Mode
    connections: int
    requests: int
    """Answers that arrived whole while the load lasted."""
    seconds: float
    p50_ms: float
    p99_ms: float
    busy: float
    """The target's share of its core while the load lasted: 1.0 where the target was the limit."""
    disturbed: float
    """Share of that core that others used meanwhile."""
    calls: int
    """Calls that the CPU time was spent on: those recorded, or, where nothing is, `requests`."""
    cpu_all: float
    """CPU time of all of its processes for `calls`, writing the records included."""
    cpu_serve: float
    """Of that, what the serving processes used."""
    cpu_database: float
    """Of that, what PostgreSQL used."""
    settle: float | None
    """From the end of the load until all of `requests` were in the database; None without records."""
    recorded: Recorded | None
    errors: tuple[str, ...]
    """Why this round does not count; empty when it does."""

    @property
    def per_second(self) -> float:
        """Answers per second of wall time: per core, as every target has one."""
        return self.requests / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Calls per second of CPU time of all the target's processes."""
        return self.calls / self.cpu_all if self.cpu_all else 0.0


class Load:
    """Runs wrk against targets. `folder` takes the files that it reads."""

    def __init__(self, folder: Path, core: int) -> None:
        self.core = core
        self._folder = folder
        self._script = Path(__file__).with_name("load.lua")
        for mode in exchange.MODES:
            (folder / f"{mode}.json").write_bytes(exchange.request_body(mode))

    def warm(self, target: Target, cell: Cell, seconds: int) -> float:
        """Load without measuring; give the requests per second."""
        before = target.recorded()
        result = self._wrk(target, cell, seconds)
        _settle(target, before, result["requests"])
        return result["requests"] / result["microseconds"] * 1e6

    def run(self, target: Target, cell: Cell, seconds: int, answer_size: int) -> Round:
        """One measured round, after which the target has written all that it records and is quiet again."""
        before = target.recorded()
        core_before, cpu_before = core_seconds(target.core), target.cpu()
        began = time.monotonic()
        result = self._wrk(target, cell, seconds)
        wall = time.monotonic() - began
        core_used = core_seconds(target.core) - core_before
        cpu_used = _difference(target.cpu(), cpu_before)

        requests = result["requests"]
        settled, recorded = _settle(target, before, requests)
        calls, cpu = requests, cpu_used
        if recorded is not None:
            calls, cpu = recorded.lines, _difference(target.cpu(), cpu_before)
        return Round(
            target=target.name,
            mode=cell.mode,
            connections=cell.connections,
            requests=requests,
            seconds=result["microseconds"] / 1e6,
            p50_ms=result["p50_us"] / 1e3,
            p99_ms=result["p99_us"] / 1e3,
            busy=cpu_used["all"] / wall,
            disturbed=max(0.0, core_used - cpu_used["all"]) / wall,
            calls=calls,
            cpu_all=cpu["all"],
            cpu_serve=cpu["serve"],
            cpu_database=cpu["database"],
            settle=settled,
            recorded=recorded,
            errors=tuple(
                _load_errors(result, answer_size) + _ledger_errors(recorded, requests, cell.connections)
            ),
        )

    def _wrk(self, target: Target, cell: Cell, seconds: int) -> dict[str, int]:
        key = self._folder / "key"
        key.touch(mode=0o600)
        key.write_text(target.key)
        command = ["setpriv", "--pdeathsig", "TERM", "--", "taskset", "--cpu-list", str(self.core)]
        command += [
            "wrk",
            "--threads",
            "1",
            "--connections",
            str(cell.connections),
            "--duration",
            f"{seconds}s",
        ]
        command += ["--timeout", "60s", "--script", str(self._script), target.url(cell.mode), "--"]
        command += [str(self._folder / f"{cell.mode}.json"), str(key)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
        target.running.require_alive()
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError) as error:
            raise BenchError(f"wrk gave no result: {done.stdout[-500:]}{done.stderr[-500:]}") from error


def _settle(target: Target, before: Recorded | None, requests: int) -> tuple[float | None, Recorded | None]:
    """Wait until the target has nothing left to do.

    Give the seconds until at least `requests` more calls were in its ledger, and what came to them since
    `before`; None and None where it keeps none.
    """
    ended = time.monotonic()
    if before is None:
        _wait_for_quiet(target)
        return None, None
    reached: float | None = None
    last, changed = target.recorded(), time.monotonic()
    while time.monotonic() - ended < SETTLE_SECONDS:
        now = time.monotonic()
        recorded = target.recorded()
        if recorded != last:
            last, changed = recorded, now
        if reached is None and recorded is not None and recorded.lines - before.lines >= requests:
            reached = now - ended
        if reached is not None and now - changed >= STILL_SECONDS:
            break
        time.sleep(0.2)
    _wait_for_quiet(target)
    return (reached if reached is not None else SETTLE_SECONDS), (last - before if last is not None else None)


def _wait_for_quiet(target: Target) -> None:
    """Return when the target leaves its core alone: what the load abandoned must not slow the next target."""
    step = 0.3
    deadline = time.monotonic() + SETTLE_SECONDS
    used = target.cpu()["all"]
    while time.monotonic() < deadline:
        time.sleep(step)
        now = target.cpu()["all"]
        if now - used < QUIET_SHARE * step:
            return
        used = now
    raise BenchError(f"{target.name} was still busy {SETTLE_SECONDS:.0f} s after the load had ended.")


def _load_errors(result: dict[str, int], answer_size: int) -> list[str]:
    kinds = ("connect", "read", "write", "status", "timeout")
    errors = [f"{result[kind]} {kind} errors" for kind in kinds if result[kind]]
    if not result["requests"]:
        errors.append("no answer at all")
    elif result["bytes"] / result["requests"] < SHORTEST_ANSWER * answer_size:
        errors.append(
            f"answers of {result['bytes'] // result['requests']} bytes, where {answer_size} were due"
        )
    return errors


def _ledger_errors(recorded: Recorded | None, requests: int, connections: int) -> list[str]:
    """What is wrong with the ledger.

    wrk drops up to one call per connection when it ends: each of those may be there, every other must be.
    """
    if recorded is None:
        return []
    most = requests + connections
    errors = [
        f"{count} {what} for {requests} answers (at most {most} are right)"
        for what, count in (("ledger lines", recorded.lines), ("call logs", recorded.logs))
        if not requests <= count <= most
    ]
    if recorded.exact < requests:
        errors.append(f"{recorded.exact} lines with the provider's own tokens for {requests} answers")
    return errors


def _difference(now: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: now[name] - before[name] for name in now}
