"""Videos of a yard with a fixed camera, and of shots one after the other: what happens when is known."""

from pathlib import Path

from support.videos.made import H264, made

SHOTS = (
    "smptebars",
    "color=0x305030",
    "testsrc",
    "color=0xc0b090",
    "rgbtestsrc",
    "color=0x202060",
    "yuvtestsrc",
)
"""Sources of ffmpeg that look different."""


def yard(
    path: Path, seconds: float, *busy: tuple[float, float], sound: str | None = None, every: float = 2.0
) -> Path:
    """A gray yard with a sensor's noise, in which somebody walks in the `busy` stretches; a key picture `every`."""
    fps = 20
    inputs = ["-f", "lavfi", "-t", str(seconds), "-i", f"color=c=0x808080:s=480x270:r={fps}"]
    inputs += ["-f", "lavfi", "-t", str(seconds), "-i", f"testsrc=s=90x150:r={fps}"]
    when = "+".join(f"gte(t,{begin})*lt(t,{end})" for begin, end in busy) or "0"
    walk = f"overlay=x='195+165*sin(1.7*t)':y='60+45*cos(2.3*t)':enable='{when}'"
    graph = f"[0]noise=alls=4:allf=t[yard];[yard][1]{walk}[v]"
    maps = ["-map", "[v]"]
    if sound is not None:
        inputs += ["-f", "lavfi", "-t", str(seconds), "-i", sound]
        maps += ["-map", "2:a", "-c:a", "aac"]
    keys = ["-g", str(int(fps * every)), "-sc_threshold", "0"]
    path.write_bytes(made(path.suffix, *inputs, "-filter_complex", graph, *maps, *H264, "-crf", "30", *keys))
    return path


def shots(
    path: Path, *lengths: float, keys: tuple[str, ...] = ("-g", "40", "-sc_threshold", "0"), fps: int = 20
) -> Path:
    """Shots of these `lengths` in seconds, with noise; key pictures come evenly, not at cuts."""
    inputs: list[str] = []
    for number, length in enumerate(lengths):
        source = SHOTS[number % len(SHOTS)]
        joint = ":" if "=" in source else "="
        inputs += ["-f", "lavfi", "-t", str(length), "-i", f"{source}{joint}s=480x270:r={fps}"]
    shown = "".join(f"[{number}]format=yuv420p[s{number}];" for number in range(len(lengths)))
    joined = "".join(f"[s{number}]" for number in range(len(lengths))) + f"concat=n={len(lengths)}:v=1"
    graph = f"{shown}{joined},noise=alls=4:allf=t[v]"
    maps = ("-map", "[v]")
    path.write_bytes(made(path.suffix, *inputs, "-filter_complex", graph, *maps, *H264, "-crf", "30", *keys))
    return path


def boundaries(activity) -> list[float]:
    """When segments but the first begin."""
    return [segment.start for segment in activity.segments[1:]]


def cuts(activity) -> list[float]:
    """When segments begin at a cut."""
    return [segment.start for segment in activity.segments if segment.cut]


def tiles(activity) -> bool:
    """Whether segments cover the video without gaps or overlaps."""
    edges = [0.0, *(segment.end for segment in activity.segments)]
    return (
        [segment.start for segment in activity.segments] == edges[:-1]
        and edges[-1] == activity.duration
        and all(segment.end > segment.start for segment in activity.segments)
    )
