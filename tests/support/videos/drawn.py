"""Little videos of a day, drawn for pictures of the pages: each a scene in which something moves."""

import math
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from support.videos.canvas import HEIGHT, WIDTH, Canvas
from support.videos.made import H264, program

FPS = 8

Scene = Callable[[float], Canvas]
"""What is to be seen at a moment, in seconds."""


def video(scene: Scene, seconds: float = 6.0, *, start: float = 0.0) -> bytes:
    """The video of a scene, with a quiet tone. Another `start` gives another video."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        frames = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS)]
        tone = ["-f", "lavfi", "-i", f"sine=frequency=220:duration={seconds}", "-af", "volume=0.05"]
        command = [program(), "-loglevel", "error", "-y", *frames, "-i", "-", *tone, *H264, str(path)]
        subprocess.run(
            command,
            check=True,
            input=b"".join(scene(start + number / FPS).frame() for number in range(round(seconds * FPS))),
        )
        return path.read_bytes()


def river(at: float) -> Canvas:
    """Early: the sun above hills, and two ducks on the water."""
    c = Canvas()
    c.sky("#7d8fc4", "#ffc9a3", until=5.6)
    c.glow(11, 4.2, 6, "#fff0c8", 0.9)
    c.oval(11, 4.2, 0.75, color="#fff6df")
    _cloud(c, 3 + 0.15 * at, 1.7, 1.0, "#f3d3cf")
    _cloud(c, 8.3 + 0.1 * at, 1.0, 0.7, "#e9cbd2")
    c.hills(4.9, 0.5, "#8b86b3", waves=0.5, shift=1.0)
    c.hills(5.3, 0.28, "#5f6d94", waves=0.9, shift=2.2)
    c.sky("#f0b48f", "#54709c", since=5.7, until=9)
    for row in range(9):
        y, wide = 5.9 + 0.33 * row, 0.35 + 0.12 * row
        x = 11 + 0.25 * math.sin(2.1 * at + 1.7 * row)
        c.line((x - wide, y), (x + wide, y), width=0.09, color="#fff2d6", alpha=0.75)
    for x, y, size in ((3.2 + 0.3 * at, 7.0, 0.62), (1.6 + 0.3 * at, 7.5, 0.72)):
        _duck(c, x, y + 0.04 * math.sin(3 * at + x), size)
    for x in (13.6, 14.0, 14.5, 15.1):
        c.line((x, 9), (x + 0.25 + 0.1 * math.sin(at + x), 6.7 + 0.2 * (x % 1)), width=0.07, color="#33445c")
    return c


def breakfast(at: float) -> Canvas:
    """Tea and toast in front of a window."""
    c = Canvas()
    c.sky("#f2e3c9", "#e8cfa9")
    c.box(1.6, 0.9, 7.2, 5.6, "#fffaf0", rounded=0.1)
    c.box(1.9, 1.2, 6.9, 5.3, "#bfe0ea")
    c.glow(6, 2, 3, "#ffffff", 0.8)
    c.oval(3.2, 5.0, 1.2, 0.65, color="#8fb98a")
    c.oval(5.3, 5.1, 1.5, 0.55, color="#7aa877")
    c.box(1.6, 5.3, 7.2, 5.7, "#fffaf0")
    c.box(4.3, 1.0, 4.5, 5.5, "#fffaf0")
    c.box(0, 6.4, 16, 9, "#b5764a")
    c.box(0, 6.4, 16, 6.6, "#c98a5c")
    c.oval(11.6, 5.9, 1.25, 1.1, color="#2f7d74")
    c.line((10.5, 6.1), (9.7, 5.3), (9.5, 5.1), width=0.3, color="#2f7d74")
    c.ring(12.9, 5.8, 0.55, 0.2, "#2f7d74")
    c.oval(11.6, 4.8, 0.55, 0.22, color="#276a62")
    c.oval(11.6, 4.55, 0.14, color="#276a62")
    c.box(7.6, 5.6, 9.0, 6.9, "#fdf6ea", rounded=0.3)
    c.ring(9.1, 6.1, 0.32, 0.14, "#fdf6ea")
    c.oval(8.3, 5.7, 0.6, 0.14, color="#8a4a22")
    _steam(c, 8.3, 5.4, at, "#ffffff")
    c.oval(4.4, 7.4, 2.0, 0.5, color="#f7f1e6")
    c.box(3.3, 6.5, 5.3, 7.4, "#d79a55", rounded=0.25)
    c.box(3.5, 6.6, 5.1, 7.2, "#f0c98a", rounded=0.2)
    c.oval(4.3, 6.85, 0.45, 0.2, color="#e8a020")
    return c


def noodles(at: float) -> Canvas:
    """A bowl on the counter of a shop with lanterns."""
    c = Canvas()
    c.sky("#7a2e2a", "#4d1d22")
    for x in (2.5, 8.0, 13.5):
        lean = 0.12 * math.sin(1.3 * at + x)
        c.glow(x + lean, 2.3, 2.6, "#ffb454", 0.55)
        c.line((x, 0), (x + lean, 1.5), width=0.06, color="#2b1216")
        c.oval(x + lean, 2.3, 0.95, 0.85, color="#e8542f")
        c.oval(x + lean, 2.3, 0.4, 0.85, color="#f27a45")
        c.box(x + lean - 0.35, 1.4, x + lean + 0.35, 1.55, "#2b1216")
        c.box(x + lean - 0.35, 3.05, x + lean + 0.35, 3.2, "#2b1216")
    c.box(0, 6.6, 16, 9, "#8a5631")
    c.box(0, 6.6, 16, 6.8, "#a96f42")
    c.corners([_around(8, 5.6, 2.7, 2.0, n / 24) for n in range(25)], "#f4ece0")
    c.oval(8, 5.6, 2.7, 0.55, color="#fbf6ec")
    c.oval(8, 5.62, 2.35, 0.42, color="#a4552a")
    for n in range(6):
        x = 6.4 + 0.5 * n
        c.line((x, 5.6), (x + 0.4, 5.45), (x + 0.9, 5.65), width=0.1, color="#f3d48a")
    c.oval(9.2, 5.5, 0.5, 0.16, color="#6d2f1d")
    c.oval(7.1, 5.75, 0.3, 0.1, color="#6fa650")
    c.line((9.0, 5.5), (12.6, 3.5), width=0.12, color="#d9b27a")
    c.line((9.3, 5.6), (13.0, 3.8), width=0.12, color="#d9b27a")
    for x in (7.0, 8.2, 9.1):
        _steam(c, x, 5.1, at + x, "#ffffff")
    return c


def bicycle(at: float) -> Canvas:
    """A bicycle in a courtyard; a wheel turns."""
    c = Canvas()
    c.sky("#ecd9b8", "#dcc198", until=6.9)
    for row in range(6):
        for place in range(9):
            x, y = 2 * place - (row % 2), 1.15 * row
            c.box(x + 0.05, y + 0.05, x + 1.9, y + 1.05, "#e3cba2" if (row + place) % 3 else "#d8bb8d")
    c.sky("#a99a86", "#8d7f6d", since=6.9)
    c.oval(8.1, 7.75, 4.6, 0.3, color="#766a5b")
    c.box(0.9, 5.6, 2.6, 7.6, "#b5573a", rounded=0.15)
    for lean in (-0.9, -0.4, 0.1, 0.6, 1.0):
        tip = (1.75 + 1.2 * lean + 0.06 * math.sin(1.5 * at + lean), 3.6 + 0.5 * abs(lean))
        c.line((1.75, 5.7), tip, width=0.22, color="#4f8a4c")
    back, front, crank = (5.6, 6.2), (11.0, 6.2), (7.9, 6.3)
    for n, (x, y) in enumerate((back, front)):
        for spoke in range(8):
            angle = math.pi * spoke / 8 + (1.4 * at if n == 0 else 0.3)
            dx, dy = 1.4 * math.cos(angle), 1.4 * math.sin(angle)
            c.line((x - dx, y - dy), (x + dx, y + dy), width=0.03, color="#6a6a6a")
        c.ring(x, y, 1.5, 0.2, "#2c2c30")
        c.oval(x, y, 0.14, color="#2c2c30")
    seat, head = (7.1, 4.0), (10.2, 4.1)
    for line in ((back, (7.25, 4.5), crank, back), ((7.25, 4.5), head), (crank, head), (head, front)):
        c.line(*line, width=0.2, color="#1b6a4f")
    c.line((7.25, 4.5), seat, width=0.14, color="#2c2c30")
    c.line((6.7, 3.95), (7.6, 3.95), width=0.26, color="#2c2c30")
    c.line(head, (10.05, 3.5), (10.75, 3.2), width=0.15, color="#2c2c30")
    c.ring(*crank, 0.4, 0.1, "#4a4a4e")
    return c


def dike(at: float) -> Canvas:
    """Late light over a road on a dike; clouds move."""
    c = Canvas()
    c.sky("#4f7fb8", "#ffd28a", until=6)
    c.glow(4.2, 4.4, 6, "#fff0b8", 0.9)
    c.oval(4.2, 4.4, 0.85, color="#fff3cf")
    for x, y, size, color in (
        (2, 1.5, 1.2, "#fbe3cb"),
        (8.5, 2.2, 0.9, "#ffe9cf"),
        (13, 1.2, 1.3, "#f3dccb"),
    ):
        _cloud(c, (x + 0.35 * at + 3) % 20 - 2, y, size, color)
    c.hills(5.3, 0.4, "#8f9fb0", waves=0.6, shift=0.4)
    c.hills(5.75, 0.2, "#7d9a7a", waves=1.1, shift=1.7)
    c.sky("#8fb062", "#56823f", since=5.9)
    c.corners([(8.0, 5.9), (8.5, 5.9), (13.2, 9), (4.6, 9)], "#c9b796")
    for n in range(5):
        share = ((n + 0.9 * at) % 5) / 5
        y, wide = 5.95 + 3.2 * share**2, 0.02 + 0.12 * share
        c.line(
            (8.27 + 0.62 * share**2, y), (8.27 + 0.66 * share**2, y + wide * 2), width=wide, color="#f6ecd6"
        )
    for x in (0.6, 1.5, 2.4, 14.3, 15.3):
        sway = 0.15 * math.sin(1.6 * at + x)
        for blade in range(4):
            foot = x + 0.18 * blade
            c.line((foot, 9), (foot + sway + 0.1, 7.4 + 0.25 * (blade % 3)), width=0.07, color="#3f6b31")
    x, y = 8.3, 6.0 + 0.02 * math.sin(6 * at)
    c.line((x, y + 0.45), (x, y + 0.05), width=0.12, color="#2c3338")
    c.oval(x, y - 0.3, 0.2, 0.32, color="#c2452f")
    c.oval(x, y - 0.75, 0.15, color="#2c3338")
    return c


def soup(at: float) -> Canvas:
    """Evening in the kitchen: a pumpkin, and a pot that steams under the lamp."""
    c = Canvas()
    c.sky("#21474d", "#173438")
    c.glow(8, 2.2, 5.5, "#ffd489", 0.75)
    c.line((8, 0), (8, 1.3), width=0.08, color="#0f2023")
    c.corners([(7.5, 1.2), (8.5, 1.2), (9.5, 2.2), (6.5, 2.2)], "#d9a441")
    c.oval(8, 2.25, 0.5, 0.28, color="#fff3cf")
    c.box(0, 6.5, 16, 9, "#9a6a44")
    c.box(0, 6.5, 16, 6.7, "#b58257")
    for x, color in (
        (-1.0, "#d9701e"),
        (1.0, "#d9701e"),
        (-0.5, "#e8842b"),
        (0.5, "#e8842b"),
        (0, "#f29a3f"),
    ):
        c.oval(4.3 + x, 5.7, 0.85, 1.3, color=color)
    c.line((4.3, 4.5), (4.55, 3.95), width=0.28, color="#5c7a3a")
    c.box(9.2, 4.6, 13.0, 7.0, "#3c4b57", rounded=0.35)
    c.oval(11.1, 4.65, 1.9, 0.4, color="#56687a")
    c.oval(11.1, 4.68, 1.65, 0.3, color="#e89a3c")
    c.line((8.7, 5.3), (9.3, 5.3), width=0.25, color="#3c4b57")
    c.line((12.9, 5.3), (13.5, 5.3), width=0.25, color="#3c4b57")
    for x in (10.2, 11.1, 12.0):
        _steam(c, x, 4.2, at + x, "#fff0d8")
    return c


def lamp(at: float) -> Canvas:
    """Night: a book under a lamp, the moon in the window."""
    c = Canvas()
    c.sky("#2a2745", "#1d1a33")
    c.box(1.4, 0.9, 6.0, 5.2, "#4a4468", rounded=0.1)
    c.box(1.65, 1.15, 5.75, 4.95, "#131a3a")
    c.glow(4.5, 2.2, 1.6, "#cfd8ff", 0.5)
    c.oval(4.5, 2.2, 0.5, color="#f3efd9")
    for n, (x, y) in enumerate(((2.2, 1.8), (2.9, 3.2), (3.6, 1.6), (5.2, 3.9), (2.4, 4.3), (3.7, 4.0))):
        c.oval(x, y, 0.05, color="#e8e6ff", alpha=0.6 + 0.4 * math.sin(2 * at + n))
    c.box(3.6, 1.0, 3.78, 5.1, "#4a4468")
    c.glow(11.6, 3.4, 5.2, "#ffcf86", 0.7 + 0.02 * math.sin(5 * at))
    c.line((11.6, 3.2), (11.6, 6.6), width=0.16, color="#8f6d3f")
    c.corners([(10.9, 2.0), (12.3, 2.0), (13.1, 3.5), (10.1, 3.5)], "#ffe0a3")
    c.box(0, 6.6, 16, 9, "#5a3d33")
    c.box(0, 6.6, 16, 6.78, "#74513f")
    c.oval(11.6, 6.62, 0.8, 0.16, color="#8f6d3f")
    c.corners([(5.6, 7.1), (8.0, 6.8), (8.0, 7.9), (5.3, 8.1)], "#fbf3df")
    c.corners([(8.0, 6.8), (10.4, 7.1), (10.7, 8.1), (8.0, 7.9)], "#efe3c8")
    for row in range(4):
        y = 7.2 + 0.19 * row
        c.line((5.8, y + 0.05), (7.7, y - 0.1), width=0.04, color="#a8977c")
        c.line((8.3, y - 0.1), (10.2, y + 0.05), width=0.04, color="#a8977c")
    return c


def _around(x: float, y: float, wide: float, high: float, share: float) -> tuple[float, float]:
    """A point of the lower half of an oval, from its right end to its left one."""
    return x + wide * math.cos(math.pi * share), y + high * math.sin(math.pi * share)


def _cloud(c: Canvas, x: float, y: float, size: float, color: str) -> None:
    for dx, dy, wide in ((-0.9, 0.1, 0.7), (0, 0, 1.0), (0.9, 0.12, 0.75)):
        c.oval(x + dx * size, y + dy * size, wide * size, 0.36 * wide * size, color=color, alpha=0.8)


def _duck(c: Canvas, x: float, y: float, size: float) -> None:
    c.line((x - 1.6 * size, y + 0.38 * size), (x, y + 0.38 * size), width=0.05, color="#fff2d6", alpha=0.5)
    c.oval(x, y, 0.8 * size, 0.42 * size, color="#5b4636")
    c.oval(x + 0.7 * size, y - 0.5 * size, 0.32 * size, color="#2f5b45")
    c.line(
        (x + 0.95 * size, y - 0.46 * size),
        (x + 1.2 * size, y - 0.42 * size),
        width=0.16 * size,
        color="#e0a030",
    )


def _steam(c: Canvas, x: float, y: float, at: float, color: str) -> None:
    points = [(x + 0.16 * math.sin(2.2 * at + 1.6 * n), y - 0.28 * n) for n in range(6)]
    c.line(*points, width=0.16, color=color, alpha=0.45)


SAMPLE_DAY: dict[str, Scene] = {
    "07:10": river,
    "08:05": breakfast,
    "12:20": noodles,
    "15:05": bicycle,
    "17:40": dike,
    "19:15": soup,
    "22:00": lamp,
}
"""The scenes of the sample day's events, by their time; nobody videos the desk."""
