"""How fast activity is found in videos, beside decoding them and nothing else, and beside PySceneDetect.

    make bench-activity                               # about half an hour and 3 GB of disk, on a quiet machine
    .venv/bin/python bench/activity.py --quick        # to see that it works; not to be quoted

Videos are made in a temporary folder (or in `--videos`, where they stay): shots that are cut between key pictures, at
most one cut in ten seconds, a fixed camera, 4K HEVC where ffmpeg has x265. Rounds are interleaved; figures are medians.

- floor: `ffmpeg -i VIDEO -f null -` with as many threads as activity analysis uses;
- exact, fast: `daybook.lifelog.activity` in a process of its own; memory is that of it and of its ffmpeg together;
- PySceneDetect: the version below with its ContentDetector, in an environment of its own.

What Python takes to start is not counted. It fails where the exact way is slower than 0.9 of the floor, or the fast way
slower than three times the floor, on a made video; where one takes more than 300 MB; or where the fast way finds less
than 90 % of the boundaries of the exact way, within half a second, over all made videos.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from activity_videos import Video, clips, edited, fixed_camera

from daybook.lifelog.activity.decoding import threads
from daybook.lifelog.activity.service import analyse
from daybook.lifelog.media.service import ffmpeg

PEER = ("scenedetect==0.7.2", "opencv-python-headless==5.0.0.93")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daybook-bench"
PEER_PROGRAM = """
import json, sys, time
from scenedetect import ContentDetector, detect
begin, cpu = time.perf_counter(), time.process_time()
found = [scene[0].get_seconds() for scene in detect(sys.argv[1], ContentDetector())[1:]]
print(json.dumps({"boundaries": found, "seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}))
"""

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-sc_threshold", "0", "-pix_fmt", "yuv420p")
HEVC = (
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=none:scenecut=0",
    "-tag:v",
    "hvc1",
)
WITHIN = 0.5
OWED = {"exact": 0.9, "fast": 3.0}
"""Times the floor's speed."""


@dataclass
class Way:
    """What one way showed with one video."""

    seconds: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    megabytes: float = 0.0
    boundaries: list[float] = field(default_factory=list[float])


def main() -> int:
    """Make, measure, print; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small videos, one round; not to be quoted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--videos", type=Path, help="a folder in which videos are made, and found again")
    parser.add_argument("--ways", default="floor,exact,fast,PySceneDetect")
    parser.add_argument("--one", nargs=3, metavar=("MODE", "VIDEO", "SECONDS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        return _analyse_one(*asked.one)
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        videos = list(_videos(asked.videos or Path(folder), quick=asked.quick))
        return _compare(videos, asked.ways.split(","), 1 if asked.quick else asked.rounds)


def _videos(folder: Path, *, quick: bool) -> Iterator[Video]:
    folder.mkdir(parents=True, exist_ok=True)
    size, rate = ("640:360", "1500k") if quick else ("1920:1080", "9M")
    h264 = (*H264, "-b:v", rate)
    parts = {"shots": 12, "times": 1 if quick else 3, "size": size}
    for group in (2.0, 5.0):
        yield _made(
            folder / f"edited-{group:.0f}s.mp4", lambda p, g=group: edited(p, group=g, codec=h264, **parts)
        )
    for group in (2.0, 5.0):
        yield _made(
            folder / f"yard-{group:.0f}s.mp4",
            lambda p, g=group: fixed_camera(p, group=g, size=size, codec=h264),
        )
    encoders = subprocess.run(
        [ffmpeg(), "-hide_banner", "-encoders"], check=True, capture_output=True, text=True
    )
    if not quick and " libx265 " in encoders.stdout:
        hevc = (*HEVC, "-b:v", "30M")
        yield _made(
            folder / "hevc-4k.mp4",
            lambda p: edited(p, group=2.0, codec=hevc, shots=3, times=3, size="3840:2160"),
        )
    yield from clips()


def _made(path: Path, make) -> Video:  # noqa: ANN001  (one of the two functions above)
    """The video, made unless it is there from another run."""
    noted = path.with_suffix(".json")
    if noted.exists():
        told = json.loads(noted.read_text())
        return Video(path.stem, path, told["seconds"], told["cuts"], is_sparse=True)
    print(f"Making {path.name} …", file=sys.stderr, flush=True)
    video = make(path)
    noted.write_text(json.dumps({"seconds": video.seconds, "cuts": video.cuts}))
    return video


def _compare(videos: list[Video], ways: list[str], rounds: int) -> int:
    failures: list[str] = []
    owed = kept = 0
    print(f"{'video':14} {'way':14} {'x realtime':>10} {'of floor':>9} {'cpu s':>7} {'MB':>5}  boundaries")
    for video in videos:
        shown = {way: Way() for way in ways}
        for _ in range(rounds):
            for way in ways:
                _run(shown[way], _command(way, video))
        exact = shown["exact"].boundaries if "exact" in shown else []
        floor = statistics.median(shown["floor"].seconds)
        for name, way in shown.items():
            speed = floor / statistics.median(way.seconds)
            found = sum(any(abs(at - other) <= WITHIN for other in way.boundaries) for at in exact)
            if name == "fast" and video.is_sparse:
                owed, kept = owed + len(exact), kept + found
            print(
                f"{video.name:14} {name:14} {video.seconds / statistics.median(way.seconds):10.1f} {speed:9.2f} "
                f"{statistics.median(way.cpu):7.2f} {way.megabytes:5.0f}  {_words(name, way, video, exact, found)}",
                flush=True,
            )
            failures += _broken(name, way, video, speed)
    print(f"\nThe fast way found {kept} of {owed} boundaries of the made videos within {WITHIN} s.")
    if kept < 0.9 * owed:
        failures.append(f"the fast way found {kept} of {owed} boundaries")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def _words(name: str, way: Way, video: Video, exact: list[float], found: int) -> str:
    words = "" if name == "floor" else f"{len(way.boundaries)}"
    if name == "exact" and video.cuts:
        seen = sum(any(abs(cut - at) <= 0.05 for at in exact) for cut in video.cuts)
        words += f", {seen} of {len(video.cuts)} known cuts"
    if name == "fast":
        words += f", {found} of the {len(exact)} that the exact way finds"
    return words


def _broken(name: str, way: Way, video: Video, speed: float) -> list[str]:
    """Which promises are not kept."""
    broken: list[str] = []
    if name in OWED and way.megabytes > 300:
        broken.append(f"{video.name}, {name}: {way.megabytes:.0f} MB")
    if name in OWED and video.is_sparse and speed < OWED[name]:
        broken.append(f"{video.name}: the {name} way has {speed:.2f} times the floor's speed")
    return broken


def _command(way: str, video: Video) -> list[str]:
    if way == "floor":
        quiet = ["-hide_banner", "-loglevel", "error", "-nostdin"]
        return [ffmpeg(), *quiet, "-threads", str(threads()), "-i", str(video.path), "-f", "null", "-"]
    if way == "PySceneDetect":
        return [str(_peer()), "-c", PEER_PROGRAM, str(video.path)]
    return [sys.executable, __file__, "--one", way, str(video.path), str(video.seconds)]


def _run(way: Way, command: list[str]) -> None:
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        output = child.stdout.read() if child.stdout is not None else b""
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{command[0]} failed with {child.returncode}: {' '.join(command)}")
    told = json.loads(output) if output.strip() else {}
    way.seconds.append(told.get("seconds", time.perf_counter() - begin))
    way.cpu.append(told.get("cpu", used.ru_utime + used.ru_stime))
    way.megabytes = max(way.megabytes, told.get("megabytes", used.ru_maxrss / 1024))
    way.boundaries = told.get("boundaries", [])


def _analyse_one(mode: str, video: str, seconds: str) -> int:
    begin, cpu = time.perf_counter(), time.process_time()
    activity = asyncio.run(analyse(Path(video), duration=float(seconds), mode=mode))
    taken = time.perf_counter() - begin
    if activity.mode != mode:
        print(f"{video}: {activity.mode} instead of {mode}", file=sys.stderr)
    ours, ffmpegs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    told = {
        "boundaries": [segment.start for segment in activity.segments[1:]],
        "seconds": taken,
        "cpu": time.process_time() - cpu + ffmpegs.ru_utime + ffmpegs.ru_stime,
        "megabytes": (ours.ru_maxrss + ffmpegs.ru_maxrss) / 1024,
    }
    print(json.dumps(told))
    return 0


def _peer() -> Path:
    """Python of the environment that has PySceneDetect, which stays for later runs."""
    folder = CACHE / PEER[0].replace("==", "-")
    finished = folder / "installed"
    if not finished.exists():
        print(f"Installing {' '.join(PEER)} into {folder} (once) …", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(folder / "bin" / "pip"), "install", "--quiet", *PEER]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(
                f"PySceneDetect could not be installed; leave it out with --ways:\n{done.stderr[-2000:]}"
            )
        finished.touch()
    return folder / "bin" / "python"


if __name__ == "__main__":
    sys.exit(main())
