"""Short videos of a few scenes, made by ffmpeg."""

from pathlib import Path

from support.videos.made import H264, made

STILL = "color=c=0xc0c0c0:s=320x180:r=10"
DARK = "color=c=0x101010:s=320x180:r=10"
MOVING = "testsrc2=s=320x180:r=10"


def video(path: Path, *scenes: str, seconds: float = 5, sound: bool = True) -> Path:
    """A video of `scenes` (sources of ffmpeg), each `seconds` long, with a tone."""
    inputs = [word for scene in scenes for word in ("-f", "lavfi", "-t", str(seconds), "-i", scene)]
    joined = "".join(f"[{place}:v]" for place in range(len(scenes))) + f"concat=n={len(scenes)}:v=1:a=0[v]"
    tone = ["-f", "lavfi", "-t", str(seconds * len(scenes)), "-i", "sine=frequency=440"] if sound else []
    mapped = ["-map", "[v]", *(["-map", f"{len(scenes)}:a"] if sound else [])]
    path.write_bytes(made(path.suffix, *inputs, *tone, "-filter_complex", joined, *mapped, *H264, "-g", "10"))
    return path
