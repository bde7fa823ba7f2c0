"""Measuring of ffmpeg's output: small gray frames, mono sound and metadata, in chunks of any size."""

import re
from array import array

import numpy as np
from numpy.typing import NDArray

from daybook.lifelog.activity.cells import BLOCKS, Frames, Sound

WIDTH, HEIGHT = 160, 90
SAMPLE_RATE = 8000
SOUND_STEP = 0.25
"""Seconds per sound level."""

_FRAME_BYTES = WIDTH * HEIGHT
_NOTICED = 12
"""Steps of 255 by which a pixel's brightness must change: above the noise of sensors and of compression."""

_STEP = int(SAMPLE_RATE * SOUND_STEP)
_UNKNOWN = 2**62  # a time that ffmpeg does not know is beyond it


class FrameMeter:
    """Gray frames of 160 by 90 points, of which only blocks and the change from one to the next are kept."""

    def __init__(self) -> None:
        self.change = array("d")
        self._blocks = bytearray()
        self._rest = b""
        self._last: NDArray[np.int16] | None = None

    def feed(self, data: bytes) -> None:
        """Process the next bytes."""
        data = self._rest + data
        whole = len(data) // _FRAME_BYTES * _FRAME_BYTES
        self._rest = data[whole:]
        for start in range(0, whole, _FRAME_BYTES):
            self._take(np.frombuffer(data, np.uint8, _FRAME_BYTES, start).reshape(HEIGHT, WIDTH))

    def _take(self, frame: NDArray[np.uint8]) -> None:
        rows, columns = BLOCKS
        blocks = frame.reshape(rows, HEIGHT // rows, columns, WIDTH // columns).mean(axis=(1, 3))
        self._blocks += np.rint(blocks).astype(np.uint8).tobytes()
        now = frame.astype(np.int16)
        self.change.append(0.0 if self._last is None else share_changed(self._last, now))
        self._last = now

    def frames(self, shown: "MetadataMeter") -> Frames:
        """All of them, with the times at which they are `shown`."""
        count = min(len(self.change), len(shown.times))
        blocks = np.frombuffer(self._blocks, np.uint8).reshape(-1, BLOCKS[0] * BLOCKS[1])
        return Frames(np.array(shown.times[:count]), blocks[:count], np.array(self.change[:count]))


def share_changed(before: NDArray[np.int16], after: NDArray[np.int16]) -> float:
    """Share of the points that changed, except what all points did together: light that was switched, exposure."""
    difference = after - before
    difference -= np.int16(np.median(difference[::3, ::3]))
    return float((np.abs(difference) > _NOTICED).mean())


class SoundMeter:
    """Mono 16-bit samples at 8 kHz, of which only the energy of each quarter of a second is kept."""

    def __init__(self) -> None:
        self._energy = array("d")
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Process the next bytes."""
        data = self._rest + data
        whole = len(data) // (2 * _STEP) * (2 * _STEP)
        self._rest = data[whole:]
        if whole:
            samples = np.frombuffer(data, "<i2", whole // 2).astype(np.float32).reshape(-1, _STEP) / 32768
            self._energy.extend(np.square(samples).mean(axis=1).tolist())

    def sound(self) -> Sound | None:
        """Return the sound; None if there is none."""
        return Sound(np.array(self._energy), SOUND_STEP) if self._energy else None


class MetadataMeter:
    """Output of ffmpeg's filter `metadata`: the time of each frame and a value."""

    _HEAD = re.compile(rb"frame:\d+ .*pts_time:(-?[0-9.e+-]+)")

    def __init__(self) -> None:
        self.times = array("d")
        self.values = array("d")
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Process the next bytes."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            head = self._HEAD.match(line)
            if head is not None:
                self.times.append(float(head[1]))
                self.values.append(0.0)
            elif self.values and (value := line.partition(b"=")[2]):
                self.values[-1] = float(value)


class PacketMeter:
    """The list of packets that ffmpeg's muxer `framecrc` prints."""

    _FLAGS = re.compile(rb" F=0x([0-9A-Fa-f]+)")

    def __init__(self) -> None:
        self.shown = array("d")
        self.decoded = array("d")
        self.size = array("q")
        self.is_key = array("b")
        self.pixels = 0
        self._base = 1.0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Process the next bytes. Lines are `stream, dts, pts, duration, size, checksum`, and flags of any but
        keyframes.
        """
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith(b"#tb"):
                above, _, below = line.rpartition(b" ")[2].partition(b"/")
                self._base = int(above) / int(below)
            elif line.startswith(b"#dimensions"):
                width, _, height = line.rpartition(b" ")[2].partition(b"x")
                self.pixels = int(width) * int(height)
            elif line and not line.startswith(b"#"):
                fields = line.split(b",")
                decoded, shown = int(fields[1]), int(fields[2])
                self.decoded.append(decoded * self._base)
                self.shown.append((shown if abs(shown) < _UNKNOWN else decoded) * self._base)
                self.size.append(int(fields[4]))
                flags = self._FLAGS.search(line)
                self.is_key.append(flags is None or bool(int(flags[1], 16) & 1))
