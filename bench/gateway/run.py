"""Measure the gateway with recording on, beside nginx and LiteLLM, interleaved. See bench/README.md.

    .venv/bin/python bench/gateway/run.py [--quick] [--targets nginx,litellm,daybook] [--memory] [--profile]
    .venv/bin/python bench/gateway/run.py --before CHECKOUT     # this checkout beside another one, nothing else

Exit status: 0 when every answer was right and every call is in the ledger, 1 when not, 2 when it could not be
measured.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import exchange
import memory
import nginx
import profile_serve
import report
from daybook_target import Daybook, DaybookBefore, DaybookInMemory, DaybookOnDisk
from load import Cell, Load, Round
from peers import LITELLM, LiteLLMProxy, NginxProxy
from processes import BenchError, Cores, descendants, free_port, listeners
from target import Target

TARGETS: dict[str, type[Target]] = {
    "nginx": NginxProxy,
    "litellm": LiteLLMProxy,
    "daybook": Daybook,
    "daybook-disk": DaybookOnDisk,
    "daybook-memory": DaybookInMemory,
}
PROGRAMS = {"nginx": "nginx", "wrk": "wrk"}  # program: Debian package
WARM_SECONDS = 2
WARM_CONNECTIONS = 16
ANSWERS_PER_CONNECTION = 10  # fewer in a round would let calls that are cut off at its end count for much


def main() -> int:
    """Read the command line, measure, clean up."""
    options = _arguments()
    _need_programs()
    try:
        with _bounded(options.limit), _workshop() as (folder, stack):
            return _measure(options, folder, stack)
    except BenchError as error:
        print(f"\nNot measured: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started has been stopped.", file=sys.stderr)
        return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--targets", default=",".join(TARGETS), help="which to measure, in this order")
    parser.add_argument("--connections", default="1,16,64", help="numbers of connections")
    parser.add_argument("--modes", default=",".join(exchange.MODES), help="plain, stream")
    parser.add_argument(
        "--seconds", type=int, default=5, help="length of a round; slow targets get up to 4 times"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds per target and load; the median is shown"
    )
    parser.add_argument("--quick", action="store_true", help="one round of 2 s: to see that it works")
    parser.add_argument(
        "--memory", nargs="?", type=int, const=100_000, metavar="CALLS", help="watch Daybook's memory instead"
    )
    parser.add_argument(
        "--profile", action="store_true", help="profile Daybook's serve process under load instead"
    )
    parser.add_argument(
        "--before",
        type=Path,
        metavar="CHECKOUT",
        help="another checkout to compare with: fails if a call costs the serve process 5 %% more CPU now",
    )
    parser.add_argument("--limit", type=int, default=1800, help="seconds after which the run is given up")
    options = parser.parse_args()
    options.targets = _chosen(parser, options.targets, TARGETS)
    options.modes = _chosen(parser, options.modes, exchange.MODES)
    try:
        options.connections = [int(number) for number in options.connections.split(",")]
    except ValueError:
        parser.error("--connections takes numbers with commas between them")
    if min([options.seconds, options.rounds, options.limit, *options.connections]) < 1:
        parser.error("seconds, rounds, limit and connections are at least 1")
    if options.before:
        DaybookBefore.checkout = options.before.resolve()
        TARGETS["before"] = DaybookBefore
        options.targets = ["before", "daybook"]
    if options.quick:
        options.seconds, options.rounds = 2, 1
    if options.memory or options.profile:
        options.targets = ["daybook"]
    return options


def _chosen(
    parser: argparse.ArgumentParser, text: str, known: Sequence[str] | dict[str, type[Target]]
) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        parser.error(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    return names


def _need_programs() -> None:
    """Install what is missing where we may, else name the command that does."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    packages = [package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None]
    if not packages:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"{' and '.join(packages)} missing. Install with: sudo {' '.join(command)}")
    print(f"Installing {' and '.join(packages)} …", file=sys.stderr, flush=True)
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode != 0:
        sys.exit(f"{' and '.join(packages)} could not be installed with: {' '.join(command)}")


@contextmanager
def _bounded(seconds: int) -> Generator[None]:
    """Turn the end of the time and a request to end into exceptions, so that what was started is stopped."""

    def give_up(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGALRM:
            raise BenchError(f"it took longer than {seconds} s (--limit)")
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@contextmanager
def _workshop() -> Generator[tuple[Path, ExitStack]]:
    """A temporary folder, and a stack of what must be stopped; nothing interrupts the stopping."""
    with tempfile.TemporaryDirectory(prefix="daybook-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # PostgreSQL and nginx may have to run as other users
        stack = ExitStack()
        try:
            yield Path(name), stack
        except BenchError:
            _show_logs(Path(name))
            raise
        finally:
            signal.alarm(0)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            stack.close()


def _show_logs(folder: Path) -> None:
    """What Daybook's processes said last, before their folder goes."""
    for log in sorted(folder.glob("*/data/log/*.log")):
        if last := log.read_text(errors="replace")[-2000:].strip():
            _tell(f"--- {log.name} ends:\n{last}")


def _measure(options: argparse.Namespace, folder: Path, stack: ExitStack) -> int:
    cores = Cores.choose()
    upstream_port = _start_upstream(folder / "upstream", cores.load, stack)
    targets: list[Target] = []
    for name in options.targets:
        _tell(f"starting {name}")
        target = TARGETS[name](folder / name, cores.target, upstream_port)
        stack.callback(target.stop)
        target.start()
        targets.append(target)
    load = Load(folder, cores.load)
    sizes = {target.name: {mode: target.check(mode) for mode in exchange.MODES} for target in targets}
    if options.memory:
        return _watch_memory(targets[0], load, options.memory, sizes)
    if options.profile:
        return profile_serve.run(targets[0], load, options.modes, options.seconds)
    return _compare(options, targets, load, sizes)


def _start_upstream(folder: Path, core: int, stack: ExitStack) -> int:
    folder.mkdir()
    port = free_port()
    process = nginx.start(folder, nginx.upstream_config(folder, port), core)
    stack.callback(process.stop)
    while not listeners(port, list(descendants(process.pid))):
        process.require_alive()
        time.sleep(0.05)
    return port


def _compare(
    options: argparse.Namespace, targets: list[Target], load: Load, sizes: dict[str, dict[str, int]]
) -> int:
    """The speed of all targets: A B C A B C … so that what disturbs the machine disturbs them alike."""
    cells = [Cell(mode, connections) for mode in options.modes for connections in options.connections]
    speeds = {
        (target.name, mode): load.warm(target, Cell(mode, WARM_CONNECTIONS), WARM_SECONDS)
        for target in targets
        for mode in options.modes
    }
    rounds: list[Round] = []
    for number in range(1, options.rounds + 1):
        for cell in cells:
            for target in targets:
                seconds = _round_length(options.seconds, speeds[target.name, cell.mode], cell.connections)
                one = load.run(target, cell, seconds, sizes[target.name][cell.mode])
                rounds.append(one)
                _tell(
                    f"round {number}/{options.rounds}, {cell.mode}, {cell.connections} connections, "
                    f"{target.name}: {one.per_second:,.0f} requests/s {'; '.join(one.errors)}"
                )
    tables = [report.speed_table(cells, targets, rounds), report.recording_table(cells, targets, rounds)]
    print("\n\n".join(["", *filter(None, tables)]))
    print()
    for cost in report.journal_costs(cells, targets, rounds):
        print(f"- {cost}")
    changes = report.changes(cells, rounds)
    for change in changes:
        print(f"- {change}")
    problems = report.problems(rounds) + [str(change) for change in changes if change.is_slower]
    for target in targets:
        problems += target.final_problems()
        print(f"- {target.name}: {target.note}")
    saved = report.save("gateway", {"litellm": LITELLM, "seconds": options.seconds}, rounds)
    _tell(f"everything measured is in {saved}")
    return _verdict(problems)


def _round_length(seconds: int, per_second: float, connections: int) -> int:
    """Long enough for some answers per connection, at most four times what was asked for."""
    wanted = ANSWERS_PER_CONNECTION * connections / per_second if per_second else seconds
    return int(min(max(seconds, wanted), 4 * seconds))


def _watch_memory(target: Target, load: Load, calls: int, sizes: dict[str, dict[str, int]]) -> int:
    samples, errors = memory.watch(target, load, calls, sizes[target.name])
    print(f"\n{memory.table(target, samples)}\n")
    rows = [{"calls": sample.calls, "megabytes": sample.megabytes} for sample in samples]
    _tell(f"everything measured is in {report.save('memory', {'samples': rows})}")
    return _verdict(errors)


def _verdict(problems: list[str]) -> int:
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
