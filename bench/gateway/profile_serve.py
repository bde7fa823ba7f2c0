"""Where the serve process spends its time under load: a flame graph by py-spy."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import report
from exchange import Mode
from load import Cell, Load
from peers import CACHE
from processes import BenchError
from target import Target

PY_SPY = "0.4.3"
CONNECTIONS = 64


def run(target: Target, load: Load, modes: Sequence[Mode], seconds: int) -> int:
    """Write one flame graph per mode to `bench/results/`."""
    program = _install()
    report.RESULTS.mkdir(exist_ok=True)
    for mode in modes:
        cell = Cell(mode, CONNECTIONS)
        path = report.RESULTS / f"profile-{mode}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.svg"
        command = [program, "record", "--pid", str(target.serving()[0]), "--duration", str(seconds)]
        command += ["--rate", "500", "--output", str(path)]
        recorder = threading.Thread(target=subprocess.run, args=[command], kwargs={"check": True})
        recorder.start()
        speed = load.warm(target, cell, seconds + 2)
        recorder.join()
        print(f"{mode}, {CONNECTIONS} connections, {speed:,.0f} requests/s while profiled: {path}")
    return 0


def _install() -> str:
    """py-spy, in a folder that stays for later runs."""
    folder = CACHE / f"py-spy-{PY_SPY}"
    if not (folder / "bin" / "py-spy").exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--target",
            str(folder),
            f"py-spy=={PY_SPY}",
        ]
        if subprocess.run(command, check=False).returncode != 0:
            raise BenchError(f"py-spy {PY_SPY} could not be installed.")
    return str(folder / "bin" / "py-spy")
