"""The tables: medians over the rounds, with each figure's ratio to the peers in the same run."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from load import Cell, Round
from target import Target

RESULTS = Path(__file__).resolve().parents[1] / "results"
SLOWER = 0.05  # share by which calls per CPU-second may fall from one checkout to the next
DISTURBED = 0.1  # share of the target's core used by others, from which a median is not to be quoted


def speed_table(cells: Sequence[Cell], targets: Sequence[Target], rounds: Sequence[Round]) -> str:
    """Requests per second and latency of every target in every cell, as Markdown."""
    head = (
        "| load | target | requests/s | p50 ms | p99 ms | core busy | requests/CPU-s "
        "| times nginx | times LiteLLM | others on the core |"
    )
    lines = [head, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for cell in cells:
        speeds = {target.name: _median_of(rounds, target, cell, "per_second") for target in targets}
        for target in targets:
            speed = speeds[target.name]
            if speed is None:
                continue
            figures = {
                name: _median_of(rounds, target, cell, name) or 0.0
                for name in ("p50_ms", "p99_ms", "busy", "per_cpu_second", "disturbed")
            }
            mark = " !" if figures["disturbed"] > DISTURBED else ""
            lines.append(
                f"| {cell.mode}, {cell.connections} | {target.name} | {speed:,.0f} | {figures['p50_ms']:.2f} "
                f"| {figures['p99_ms']:.2f} | {figures['busy']:.0%} | {figures['per_cpu_second']:,.0f} "
                f"| {_ratio(speed, speeds.get('nginx'))} | {_ratio(speed, speeds.get('LiteLLM'))} "
                f"| {figures['disturbed']:.0%}{mark} |"
            )
    return "\n".join(lines)


def recording_table(cells: Sequence[Cell], targets: Sequence[Target], rounds: Sequence[Round]) -> str:
    """Where the CPU time of a target that records goes, and how far its ledger lags; empty when none does."""
    lines: list[str] = []
    for target in targets:
        for cell in cells:
            chosen = [each for each in _of(rounds, target, cell) if each.recorded is not None]
            if chosen:
                calls = sum(each.calls for each in chosen)
                requests = sum(each.requests for each in chosen)
                serve = sum(each.cpu_serve for each in chosen)
                database = sum(each.cpu_database for each in chosen)
                rest = max(0.0, sum(each.cpu_all for each in chosen) - serve - database)
                lag = max(each.settle or 0.0 for each in chosen)
                serve_each, database_each, rest_each = (
                    seconds / calls * 1e6 if calls else 0.0 for seconds in (serve, database, rest)
                )
                lines.append(
                    f"| {cell.mode}, {cell.connections} | {target.name} | {requests:,} | {calls:,} "
                    f"| {serve_each:,.0f} | {database_each:,.0f} | {rest_each:,.0f} "
                    f"| {calls / serve if serve else 0:,.0f} | {lag:.2f} |"
                )
    if not lines:
        return ""
    head = (
        "| load | target | answers | lines | serve µs/call | PostgreSQL µs/call | rest µs/call "
        "| calls/serve CPU-s | lag s |"
    )
    return "\n".join([head, "|---|---|--:|--:|--:|--:|--:|--:|--:|", *lines])


def journal_costs(cells: Sequence[Cell], targets: Sequence[Target], rounds: Sequence[Round]) -> list[str]:
    """How many of the requests per second the journal takes, of those without it; empty where not both ran."""
    ran = {target.name: target for target in targets}
    if not {"Daybook", "Daybook, no journal"} <= ran.keys():
        return []
    costs: list[str] = []
    for cell in cells:
        with_it, without = (
            _median_of(rounds, ran[name], cell, "per_second") or 0.0
            for name in ("Daybook", "Daybook, no journal")
        )
        if without:
            share = 1 - with_it / without
            costs.append(f"{cell.mode}, {cell.connections}: the journal costs {share:.1%} of the requests/s")
    return costs


@dataclass(frozen=True)
class Change:
    """Calls per CPU-second of the serve process in one cell: now, and in the checkout before, over all rounds."""

    cell: Cell
    before: float
    now: float

    @property
    def is_slower(self) -> bool:
        """True if a call costs more CPU than `SLOWER` allows."""
        return self.now < self.before * (1 - SLOWER)

    def __str__(self) -> str:
        share = self.now / self.before - 1 if self.before else 0.0
        return (
            f"{self.cell.mode}, {self.cell.connections}: {self.now:,.0f} calls per CPU-second of the serve process, "
            f"{self.before:,.0f} before: {share:+.1%}"
        )


def changes(cells: Sequence[Cell], rounds: Sequence[Round]) -> list[Change]:
    """Compare with the checkout before; empty if it was not measured. Medians over the rounds."""
    found: list[Change] = []
    for cell in cells:
        before, now = (
            [
                each.calls / each.cpu_serve
                for each in rounds
                if (each.target, each.mode, each.connections) == (name, cell.mode, cell.connections)
                and each.cpu_serve
            ]
            for name in ("Daybook, before", "Daybook")
        )
        if before and now:
            found.append(Change(cell, median(before), median(now)))
    return found


def _median_of(rounds: Sequence[Round], target: Target, cell: Cell, figure: str) -> float | None:
    values = [float(getattr(each, figure)) for each in _of(rounds, target, cell)]
    return median(values) if values else None


def _of(rounds: Sequence[Round], target: Target, cell: Cell) -> list[Round]:
    return [
        each
        for each in rounds
        if (each.target, each.mode, each.connections) == (target.name, cell.mode, cell.connections)
    ]


def _ratio(value: float, base: float | None) -> str:
    if not base:
        return "-"
    return f"{value / base:.1f}" if value >= base else f"{value / base:.3f}"


def problems(rounds: Sequence[Round]) -> list[str]:
    """Every reason why the run does not count."""
    return [
        f"{each.target}, {each.mode}, {each.connections} connections: {error}"
        for each in rounds
        for error in each.errors
    ]


def save(kind: str, content: dict[str, Any], rounds: Sequence[Round] = ()) -> Path:
    """Write everything that was measured to `bench/results/`; give the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    path.write_text(json.dumps(content | {"rounds": [asdict(each) for each in rounds]}, indent=1) + "\n")
    return path
