"""Memory: what the serving process holds before, during and after many calls with recording on."""

from dataclasses import dataclass
from statistics import median

from load import Cell, Load
from processes import BenchError, resident_bytes
from target import Target

MOST = 300e6  # bytes that a serve process may hold
GROWTH = (
    10e6  # bytes between the first and the last samples: 100 per call, less than any record kept by mistake
)
ROUND_SECONDS = 2
FEWEST_ROUNDS = 10  # so that a trend can be seen
CONNECTIONS = 64


@dataclass(frozen=True)
class Sample:
    """The serving processes' memory after so many calls."""

    calls: int
    megabytes: float


def watch(target: Target, load: Load, calls: int, sizes: dict[str, int]) -> tuple[list[Sample], list[str]]:
    """Send at least `calls`, plain and streaming by turns, and look after each round.

    Gives the samples, the first before any load, and what is wrong with them.
    """
    samples = [Sample(0, _serving_megabytes(target))]
    load.warm(target, Cell("plain", CONNECTIONS), 1)  # so that no earlier call is on its way into the ledger
    errors: list[str] = []
    turn = 0
    done = 0
    while done < calls or turn < FEWEST_ROUNDS:
        cell = Cell("stream" if turn % 2 else "plain", CONNECTIONS)
        measured = load.run(target, cell, ROUND_SECONDS, sizes[cell.mode])
        errors += measured.errors
        if not measured.requests:
            raise BenchError(f"{target.name} answers nothing: {'; '.join(measured.errors)}")
        done += measured.calls
        turn += 1
        samples.append(Sample(done, _serving_megabytes(target)))
    return samples, errors + _verdict(samples)


def _verdict(samples: list[Sample]) -> list[str]:
    """What is wrong: too much at any moment, or more at the end than once it had warmed up."""
    errors: list[str] = []
    most = max(sample.megabytes for sample in samples)
    if most > MOST / 1e6:
        errors.append(f"{most:.0f} MB, where {MOST / 1e6:.0f} are allowed")
    loaded = samples[2:]  # the first rounds fill pools and caches
    growth = median(each.megabytes for each in loaded[-3:]) - median(each.megabytes for each in loaded[:3])
    if growth > GROWTH / 1e6:
        errors.append(f"it grew by {growth:.0f} MB between the first and the last rounds")
    return errors


def table(target: Target, samples: list[Sample]) -> str:
    """The samples as Markdown."""
    lines = [f"| calls | {target.name}, serve process, MB |", "|--:|--:|"]
    lines += [f"| {sample.calls:,} | {sample.megabytes:.1f} |" for sample in samples]
    return "\n".join(lines)


def _serving_megabytes(target: Target) -> float:
    return sum(resident_bytes(pid) for pid in target.serving()) / 1e6
