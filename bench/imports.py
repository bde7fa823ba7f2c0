"""What importing a folder takes, and whether it may be killed anywhere.

    .venv/bin/python bench/imports.py                          # 1,000 videos, killed 20 times; some minutes
    .venv/bin/python bench/imports.py --files 50 --kills 5     # to see that it works; not to be quoted

The videos are of one second, each another one. `daybook import` is started again and again, and killed (SIGKILL)
after a
random time; the last one may end. Then there must be every video once, in the database and in the store, and one pair
of jobs for each. Another run, in which nothing is new, tells what it costs to repeat an import.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import imageio_ffmpeg

from daybook.db.embedded import EmbeddedServer
from daybook.db.engine import asyncpg_dsn
from daybook.db.migrate import upgrade


def videos(folder: Path, count: int) -> None:
    """`count` videos; they differ in a box that players skip."""
    folder.mkdir()
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=1",
        "-c:v", "mpeg4", "-f", "mp4", str(folder / "video"),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    video = (folder / "video").read_bytes()
    (folder / "video").unlink()
    for number in range(count):
        box = (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")
        (folder / f"{number:05}.mp4").write_bytes(video + box)


def run(arguments: list[str], environment: dict[str, str], kill_after: float | None = None) -> str | None:
    """What `daybook` with these arguments said; None if it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "daybook", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode:
        raise SystemExit(f"daybook {arguments} ended with {process.returncode}:\n{said}")
    return said


async def counts(dsn: str) -> tuple[int, int, int]:
    """Recordings, their files, and jobs about them."""
    connection = await asyncpg.connect(asyncpg_dsn(dsn))
    try:
        tables = ("recordings", "recording_files", "inference_jobs")
        first, second, third = [await connection.fetchval(f"SELECT count(*) FROM {name}") for name in tables]
        return first, second, third
    finally:
        await connection.close()


def main() -> int:
    """Import, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    dice = random.Random(chosen.seed)
    folder = Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    folder.chmod(0o711)  # PostgreSQL may have to run as another user
    postgres = EmbeddedServer(folder)
    postgres.start()
    try:
        upgrade(postgres.dsn)
        videos(folder / "card", chosen.files)
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "AWS_"))
        }
        environment = {**clean, "DATABASE_URL": postgres.dsn, "DAYBOOK_DATA": str(folder / "data")}
        run(["user", "add", "ana"], environment)
        command = ["import", str(folder / "card"), "--user", "ana", "--json"]
        print(f"{chosen.files:,} videos, killed {chosen.kills} times; --seed {chosen.seed}")
        began = time.perf_counter()
        for _ in range(chosen.kills):
            run(command, environment, kill_after=1 + 8 * dice.random())
        between, _, _ = asyncio.run(counts(postgres.dsn))
        begun_last = time.perf_counter()
        last = json.loads(run(command, environment) or "{}")
        done = time.perf_counter()
        taken, known = len(last["taken"]), len(last["known"])
        print(
            f"{between:,} recordings after {begun_last - began:.0f} s of kills; then {taken:,} taken, {known:,} known"
        )
        again = json.loads(run(command, environment) or "{}")
        print(
            f"the last run: {done - begun_last:.1f} s; once more, with nothing new: {time.perf_counter() - done:.1f} s"
        )
        found = asyncio.run(counts(postgres.dsn))
        wanted = (chosen.files, chosen.files, 2 * chosen.files)
        kept = {path.read_bytes() for path in (folder / "data" / "files").rglob("*.mp4")}
        sent = {path.read_bytes() for path in (folder / "card").iterdir()}
        good = found == wanted and kept == sent and len(again["known"]) == chosen.files
        print(
            "Every video is there once."
            if good
            else f"WRONG: {found} in place of {wanted}; {len(kept)} stored"
        )
        return 0 if good else 1
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
