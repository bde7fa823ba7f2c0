"""Lighthouse, which is for measuring only: its version is pinned here, and it stays in the bench's cache."""

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.browser.chromium import PROGRAM

VERSION = "13.5.0"
NODE = (22, 19)
"""What it needs at least."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daybook-bench"
_NODE_LOCK = Path(__file__).resolve().parents[1] / "requirements-node.lock"
_CHROMIUM = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --no-first-run"


@dataclass(frozen=True, slots=True)
class Visit:
    """What Lighthouse says of one visit with an empty cache. Times are milliseconds."""

    score: float
    first_paint: float
    largest_paint: float
    shift: float
    blocked: float
    observed: float
    """The largest paint as it was in fact; the others are for a connection of 10 Mbit/s and 40 ms."""


def look_at(url: str, cookie: str, folder: Path, name: str) -> Visit:
    """Visit `url` as who has `cookie`; the report stays in `folder`."""
    node, program = _installed()
    headers = folder / "headers.json"
    headers.touch(mode=0o600)  # a file, because everybody sees a program's arguments
    headers.write_text(json.dumps({"Cookie": cookie}))
    report = folder / f"{name}.json"
    command = [str(node), str(program), url, "--preset=desktop", "--only-categories=performance", "--quiet"]
    command += ["--output=json", f"--output-path={report}", f"--extra-headers={headers}"]
    command += [f"--chrome-flags={_CHROMIUM}", "--no-enable-error-reporting"]
    environment = {**os.environ, "CHROME_PATH": PROGRAM or "", "PATH": f"{node.parent}:{os.environ['PATH']}"}
    try:
        done = subprocess.run(
            command, check=False, env=environment, capture_output=True, text=True, timeout=300
        )
    finally:
        headers.unlink()
    if done.returncode != 0:
        raise SystemExit(f"Lighthouse failed at {url}:\n{done.stderr[-2000:]}")
    return _read(json.loads(report.read_text()), url)


def _read(report: dict[str, Any], url: str) -> Visit:
    shown = report["finalDisplayedUrl"]
    if shown.rstrip("/") != url.rstrip("/"):
        raise SystemExit(f"Lighthouse was led from {url} to {shown}: is somebody signed in?")
    if problem := report.get("runtimeError"):
        raise SystemExit(f"Lighthouse failed at {url}: {problem['message']}")
    audits = report["audits"]
    value = {name: audits[name]["numericValue"] for name in _AUDITS}
    (observed,) = (item for item in audits["metrics"]["details"]["items"] if "observedLoad" in item)
    return Visit(
        score=100 * report["categories"]["performance"]["score"],
        first_paint=value["first-contentful-paint"],
        largest_paint=value["largest-contentful-paint"],
        shift=value["cumulative-layout-shift"],
        blocked=value["total-blocking-time"],
        observed=observed["observedLargestContentfulPaint"],
    )


_AUDITS = (
    "first-contentful-paint",
    "largest-contentful-paint",
    "cumulative-layout-shift",
    "total-blocking-time",
)


def _installed() -> tuple[Path, Path]:
    """Node and Lighthouse's program, in a folder that stays for later runs."""
    folder = CACHE / f"lighthouse-{VERSION}"
    finished = folder / "installed"
    if not finished.exists():
        print(f"Installing Lighthouse {VERSION} into {folder} (once) …", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        node = _node_of_machine() or _node_from_wheel(folder / "node")
        finished_path = {**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"}
        _run(
            [str(node.parent / "npm"), "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit",
             "--no-fund", "--save-exact", f"lighthouse@{VERSION}"],
            finished_path,
        )  # fmt: skip
        finished.write_text(str(node))
    return Path(finished.read_text()), folder / "node_modules" / "lighthouse" / "cli" / "index.js"


def _node_of_machine() -> Path | None:
    found = shutil.which("node")
    if found is None or shutil.which("npm", path=str(Path(found).parent)) is None:
        return None
    said = subprocess.run([found, "--version"], check=True, capture_output=True, text=True).stdout
    major, minor, *_ = said.lstrip("v").split(".")
    return Path(found) if (int(major), int(minor)) >= NODE else None


def _node_from_wheel(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    _run(
        [
            str(folder / "bin" / "pip"),
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "-r",
            str(_NODE_LOCK),
        ]
    )
    return folder / "bin" / "node"


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"Lighthouse {VERSION} could not be installed:\n{done.stderr[-2000:]}")
