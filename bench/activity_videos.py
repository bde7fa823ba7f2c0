"""Videos whose boundaries are known, for `activity.py`: made of the clips beside the checkout, else of test
patterns.
"""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from daybook.lifelog.media.service import ffmpeg

FOOTAGE = Path(__file__).resolve().parents[2] / "shared" / "footage"

SHOTS = (
    ("bbb_trailer", ("-ss", "14"), 10.5),
    ("vtest", ("-stream_loop", "3"), 25.0),
    ("edge_box", ("-ss", "1"), 12.2),
    ("world", (), 18.4),
    ("greenscreen", ("-ss", "7"), 15.1),
    ("testsrc2", (), 11.3),
    ("chaplin", ("-stream_loop", "2"), 14.7),
    ("synthetic", (), 13.0),
    ("vtest", ("-ss", "40"), 30.0),
    ("carphone", ("-stream_loop", "5"), 16.0),
    ("bbb_trailer", ("-ss", "15"), 10.8),
    ("vtest", ("-ss", "20"), 20.0),
)
"""A clip (or a test pattern of ffmpeg), options to read it with, and seconds of it."""
FLIPS = ("null", "null", "null", "null", "null", "null", "null", "null", "hflip", "null", "vflip", "vflip")

VISITS = ((22, 41), (70, 96), (130, 150.5), (180, 192))
"""Seconds in which somebody is before the fixed camera."""
YARD = 240


@dataclass(frozen=True)
class Video:
    """A video and what is known of it."""

    name: str
    path: Path
    seconds: float
    cuts: list[float] = field(default_factory=list[float])
    is_sparse: bool = False
    """Whether it has at most one boundary in ten seconds, so that the fast way owes its speed."""


def edited(path: Path, *, group: float, size: str, shots: int, times: int, codec: tuple[str, ...]) -> Video:
    """`shots` shots with noise, key pictures every `group` seconds and not at cuts; the whole `times` times."""
    inputs: list[str] = []
    parts: list[str] = []
    for number, (name, options, seconds) in enumerate(SHOTS[:shots]):
        clips = sorted(FOOTAGE.glob(f"{name}*"))
        inputs += [*options, "-i", str(clips[0])] if clips else ["-f", "lavfi", "-i", _pattern(name, number)]
        fitted = f"scale={size},setsar=1,fps=30,noise=alls=4:allf=t,format=yuv420p"
        parts.append(
            f"[{number}:v]{FLIPS[number]},{fitted},trim=duration={seconds},setpts=PTS-STARTPTS[v{number}]"
        )
    joined = "".join(f"[v{number}]" for number in range(shots)) + f"concat=n={shots}:v=1[v]"
    once = path.with_suffix(".once.mp4")
    keys = ["-g", str(int(30 * group)), "-keyint_min", str(int(30 * group))]
    _run(*inputs, "-filter_complex", ";".join([*parts, joined]), "-map", "[v]", *codec, *keys, str(once))
    _run("-stream_loop", str(times - 1), "-i", str(once), "-c", "copy", str(path))
    once.unlink()
    lengths = [seconds for _, _, seconds in SHOTS[:shots]] * times
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    return Video(path.stem, path, ends[-1], ends[:-1], is_sparse=True)


def _pattern(name: str, number: int) -> str:
    patterns = ("testsrc", "smptebars", "mandelbrot", "testsrc2", "life=mold=10:ratio=.5")
    pattern = name if name == "testsrc2" else patterns[number % len(patterns)]
    return f"{pattern}{':' if '=' in pattern else '='}s=640x360:r=30"


def fixed_camera(path: Path, *, group: float, size: str, codec: tuple[str, ...]) -> Video:
    """A gray yard with a sensor's noise, and somebody in it now and then."""
    width, height = (int(side) for side in size.split(":"))
    walk = f"x='mod(t*{width // 9},{width + 90})-90':y={height // 2}"
    when = "+".join(f"between(t,{begin},{end})" for begin, end in VISITS)
    keys = ["-g", str(int(30 * group)), "-keyint_min", str(int(30 * group))]
    _run(
        "-f", "lavfi", "-t", str(YARD), "-i", f"color=c=0x708070:s={width}x{height}:r=30",
        "-f", "lavfi", "-t", str(YARD), "-i", f"testsrc=s={width // 10}x{height // 4}:r=30",
        "-filter_complex", f"[0]noise=alls=5:allf=t,format=yuv420p[a];[a][1]overlay={walk}:enable='{when}'[v]",
        "-map", "[v]", *codec, *keys, str(path),
    )  # fmt: skip
    return Video(path.stem, path, YARD, is_sparse=True)


def clips() -> list[Video]:
    """The clips beside the checkout that are longer than a few seconds."""
    wanted = {"bbb_trailer": 55.1, "vtest": 79.5, "world": 30.5, "greenscreen": 24.4, "synthetic": 42.4}
    found = [(name, seconds, sorted(FOOTAGE.glob(f"{name}*"))) for name, seconds in wanted.items()]
    return [Video(name, paths[0], seconds) for name, seconds, paths in found if paths]


def _run(*arguments: str) -> None:
    command = [ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
