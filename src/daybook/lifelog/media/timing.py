"""Duration and frame rate of a video, measured, since headers may be silent or wrong.

A header's duration is confirmed at the video's end. Without one the whole video is read.
"""

import math
from itertools import islice, pairwise
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from daybook.lifelog.media.refusals import RefusedError

_LOOKED_AT = 600  # packets at the beginning that tell whether pictures come evenly
_TAIL = 3.0  # seconds before the end that are looked for
_CONFIRMED = 0.1
"""Seconds, or else one picture's time, by which the end may miss what the header says: sound that players leave out."""

_MOST_MISSING = 2.0, 20  # seconds, or this part of the video, that may be missing at its end
_VARIES = 0.1  # of the usual distance between two pictures


def timing_of(container: InputContainer, video: VideoStream, promised: float | None) -> dict[str, Any]:
    """Return duration, frames per second and their regularity, measured at both ends or, if needed, throughout."""
    container.seek(0)
    head = Clock(video)
    head.read(islice(container.demux(), None if promised is None else _LOOKED_AT))
    last = head
    if promised is not None and promised > _TAIL:
        try:
            container.seek(int((head.first + promised - _TAIL) * av.time_base))
            last = Clock(video)
            last.read(container.demux())
        except FFmpegError:
            last = head
        if not last.times:  # where seeking does not work
            container.seek(0)
            last = Clock(video)
            last.read(container.demux())
    if not head.times or not last.times:
        raise RefusedError("undecodable_video", video.codec_context.name)
    usual = head.usual_step or last.usual_step or float(1 / (video.average_rate or 25))
    duration = max(head.end(usual), last.end(usual)) - head.first
    if promised is not None and promised - duration > max(_MOST_MISSING[0], promised / _MOST_MISSING[1]):
        raise RefusedError("truncated_video", f"{promised - duration:.0f} of {promised:.0f} seconds")
    if promised is not None and abs(promised - duration) <= max(_CONFIRMED, usual):
        duration = promised
    if not math.isfinite(duration) or duration <= 0:
        raise RefusedError("undecodable_video", video.codec_context.name)
    average = video.average_rate if promised is not None else None
    return {
        "duration": round(duration, 6),
        "fps": round(float(average) if average else (len(head.times) / duration), 3),
        "is_vfr": head.varies or last.varies,
    }


class Clock:
    """Times of a video's frames, in seconds."""

    def __init__(self, video: VideoStream) -> None:
        self.video = video
        self.times: list[float] = []
        self.last_duration = 0.0
        self.sound_ends = 0.0

    def read(self, packets: Any) -> None:
        """Record the packets' times."""
        for packet in packets:
            base = packet.time_base
            at = packet.pts if packet.pts is not None else packet.dts
            if at is None or base is None or packet.is_discard:
                continue
            seconds, duration = float(at * base), float((packet.duration or 0) * base)
            if packet.stream.type == "audio":
                self.sound_ends = max(self.sound_ends, seconds + duration)
            elif packet.stream_index == self.video.index:
                if not self.times or seconds >= max(self.times[-1], self._high):
                    self.last_duration = duration
                    self._high = seconds
                self.times.append(seconds)

    _high = 0.0

    @property
    def first(self) -> float:
        """Time of the first frame."""
        return min(self.times, default=0.0)

    def end(self, usual: float) -> float:
        """Return the end of the last frame and sound."""
        return max(max(self.times, default=0.0) + (self.last_duration or usual), self.sound_ends)

    @property
    def _steps(self) -> list[float]:
        times = sorted(set(self.times))
        return [after - before for before, after in pairwise(times)]

    @property
    def usual_step(self) -> float:
        """Median distance between frames."""
        steps = sorted(self._steps)
        return steps[len(steps) // 2] if steps else 0.0

    @property
    def varies(self) -> bool:
        """True if more than a twentieth of the distances differ from the median."""
        usual = self.usual_step
        # Containers that count milliseconds round every time.
        tolerance = max(usual * _VARIES, 0.0021)
        steps = self._steps
        return sum(abs(step - usual) > tolerance for step in steps) > len(steps) / 20
