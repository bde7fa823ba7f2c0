"""A canvas for flat drawings, 16 wide and 9 high, on which shapes have soft edges."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

WIDTH, HEIGHT = 960, 540
_UNIT = WIDTH / 16  # pixels
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) / _UNIT

Color = str
"""`#rrggbb`."""


class Canvas:
    """What is drawn later lies above. Distances and places are in sixteenths of the width, y from the top."""

    def __init__(self) -> None:
        self.pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)

    def frame(self) -> bytes:
        """RGB, a byte each."""
        return np.clip(self.pixels, 0, 255).astype(np.uint8).tobytes()

    def sky(self, top: Color, bottom: Color, *, since: float = 0.0, until: float = 9.0) -> None:
        """From one colour to another, downwards, between two heights."""
        rows = slice(round(since * _UNIT), round(until * _UNIT))
        share = (_Y[rows, :1] - since) / (until - since)
        self.pixels[rows] = (_rgb(top) + share * (_rgb(bottom) - _rgb(top)))[:, None]

    def glow(self, x: float, y: float, radius: float, color: Color, strength: float = 0.6) -> None:
        """Light that fades."""
        at = _window((x - 1.6 * radius, y - 1.6 * radius), (x + 1.6 * radius, y + 1.6 * radius))
        far = np.hypot(_X[at] - x, _Y[at] - y) / radius
        self._paint(at, strength * np.exp(-3 * far * far), color)

    def oval(
        self, x: float, y: float, wide: float, high: float | None = None, *, color: Color, alpha: float = 1
    ) -> None:
        """A disc, or an oval; `wide` and `high` are its half axes."""
        high = wide if high is None else high
        at = _window((x - wide, y - high), (x + wide, y + high))
        inner = np.hypot((_X[at] - x) / wide, (_Y[at] - y) / high)
        self._paint(at, alpha * _edge((inner - 1) * min(wide, high)), color)

    def ring(self, x: float, y: float, radius: float, width: float, color: Color) -> None:
        """A circle of a line so wide."""
        out = radius + width
        at = _window((x - out, y - out), (x + out, y + out))
        self._paint(at, _edge(np.abs(np.hypot(_X[at] - x, _Y[at] - y) - radius) - width / 2), color)

    def line(self, *points: tuple[float, float], width: float, color: Color, alpha: float = 1) -> None:
        """From point to point, with round ends."""
        at = _window(*points, margin=width)
        mask = np.zeros_like(_X[at])
        for (x1, y1), (x2, y2) in pairwise(points):
            dx, dy = x2 - x1, y2 - y1
            share = np.clip(((_X[at] - x1) * dx + (_Y[at] - y1) * dy) / (dx * dx + dy * dy or 1), 0, 1)
            far = np.hypot(_X[at] - x1 - share * dx, _Y[at] - y1 - share * dy)
            mask = np.maximum(mask, _edge(far - width / 2))
        self._paint(at, alpha * mask, color)

    def box(
        self, left: float, top: float, right: float, bottom: float, color: Color, *, rounded: float = 0.0
    ) -> None:
        """A box, its corners rounded by so much."""
        at = _window((left, top), (right, bottom))
        away_x = np.abs(_X[at] - (left + right) / 2) - (right - left) / 2 + rounded
        away_y = np.abs(_Y[at] - (top + bottom) / 2) - (bottom - top) / 2 + rounded
        outside = np.hypot(np.maximum(away_x, 0), np.maximum(away_y, 0))
        self._paint(at, _edge(outside + np.minimum(np.maximum(away_x, away_y), 0) - rounded), color)

    def hills(self, height: float, rise: float, color: Color, *, waves: float, shift: float = 0.0) -> None:
        """Everything below a line that rises and falls around `height`."""
        at = _window((0, height - 1.5 * rise), (16, 9))
        x = _X[at][:1]
        line = height - rise * (np.sin(waves * x + shift) + 0.45 * np.sin(2.3 * waves * x + 2 * shift))
        self._paint(at, _edge(line - _Y[at]), color)

    def corners(self, points: Sequence[tuple[float, float]], color: Color) -> None:
        """A convex shape with these corners, clockwise."""
        at = _window(*points)
        outside = np.full_like(_X[at], -9.0)
        for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
            side = (_X[at] - x1) * (y2 - y1) - (_Y[at] - y1) * (x2 - x1)
            outside = np.maximum(outside, side / float(np.hypot(x2 - x1, y2 - y1)))
        self._paint(at, _edge(outside), color)

    def _paint(self, at: tuple[slice, slice], mask: np.ndarray, color: Color) -> None:
        self.pixels[at] += mask[..., None] * (_rgb(color) - self.pixels[at])


def _window(*points: tuple[float, float], margin: float = 0.1) -> tuple[slice, slice]:
    """The pixels around the points, and no more than there are."""
    xs, ys = zip(*points, strict=True)

    def reach(values: Sequence[float], most: int) -> slice:
        low, high = (min(values) - margin) * _UNIT, (max(values) + margin) * _UNIT
        return slice(int(np.clip(low, 0, most)), int(np.clip(high + 1, 0, most)))

    return reach(ys, HEIGHT), reach(xs, WIDTH)


def _rgb(color: Color) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(color[1:]), np.uint8).astype(np.float32)


def _edge(outside: np.ndarray) -> np.ndarray:
    """1 inside, 0 outside, and in between over a pixel; `outside` is the distance from the edge."""
    return np.clip(0.5 - outside * _UNIT, 0, 1)
