"""Small videos, made by ffmpeg when a test needs them, and the real ones that stand beside a checkout."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import pytest

from support.sources.documents import ROOT

FOOTAGE = ROOT.parent / "shared" / "footage"

needs_footage = pytest.mark.skipif(
    not FOOTAGE.is_dir(), reason="the real clips of shared/footage are not beside this checkout"
)

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def footage(start: str) -> Path:
    """The real clip whose name begins with `start`."""
    found = sorted(FOOTAGE.glob(f"{start}*"))
    if not found:
        pytest.skip(f"shared/footage has no {start}")
    return found[0]


class Videos:
    """Makes videos in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(
        self,
        name: str,
        *options: str,
        seconds: float = 1.0,
        size: str = "160x90",
        fps: int = 10,
        sound: bool = False,
        pattern: str = "testsrc2",
        codec: tuple[str, ...] = H264,
    ) -> Path:
        """A video of moving figures, with a tone if wanted; `options` go before the output."""
        inputs = ["-f", "lavfi", "-i", f"{pattern}=size={size}:rate={fps}:duration={seconds}"]
        if sound:
            inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
        return self.write(name, made(Path(name).suffix, *inputs, *codec, *options))

    def again(self, source: Path, name: str, *options: str, before: tuple[str, ...] = ()) -> Path:
        """The video `source` in another container, as it is but for `options`."""
        path = self.folder / name
        run_program(*before, "-i", str(source), "-c", "copy", *options, str(path))
        return path

    def write(self, name: str, content: bytes) -> Path:
        """Any file."""
        path = self.folder / name
        path.write_bytes(content)
        return path


def run_program(*arguments: str) -> bytes:
    """Run ffmpeg without our limits: what tests make is harmless."""
    done = subprocess.run(
        [program(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@cache
def made(suffix: str, *arguments: str) -> bytes:
    """What ffmpeg makes; the same video is made once in a run of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video{suffix}"
        run_program(*arguments, str(path))
        return path.read_bytes()


def program() -> str:
    """The bundled ffmpeg, whichever one Daybook uses: an older one cannot make each of these videos."""
    return imageio_ffmpeg.get_ffmpeg_exe()
