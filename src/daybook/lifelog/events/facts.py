"""Measured facts of a video segment, and the sentence that summarizes them while the segment is not described."""

from math import log10
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from daybook.lifelog.events.models import Event
from daybook.lifelog.wording import Wording

SOME_MOTION, MUCH_MOTION = 0.02, 0.12
"""Shares of the picture that change within half a second."""

DARK, BRIGHT = 0.18, 0.6
"""Mean luma, from 0 to 1."""

SILENT, LOUD = -60.0, -18.0
"""Mean level of sound in dBFS."""


class Facts(BaseModel):
    """Measurements of a video segment. Stored in `Event.facts`."""

    model_config = ConfigDict(frozen=True)

    motion: float
    """Share of the picture that changes within half a second, on average: 0 to 1."""
    brightness: float
    """Mean luma, 0 to 1."""
    sound: float | None = None
    """Mean level in dBFS; null if there is no sound."""
    file_id: UUID | None = None
    """The measured file, and the segment's bounds in it in seconds."""
    start: float | None = None
    end: float | None = None

    @classmethod
    def of(cls, stored: Any) -> "Facts | None":
        """Parse stored facts; None if there are none or they are malformed."""
        try:
            return cls.model_validate(stored)
        except ValidationError:
            return None

    def stored(self) -> dict[str, Any]:
        """Return the form that an event stores."""
        return self.model_dump(
            mode="json", exclude={"file_id", "start", "end"} if self.file_id is None else None
        )


def combine(parts: list[tuple[Facts, float]]) -> Facts:
    """Combine the facts of several segments (with their seconds). Keeps the file if all are in the same one."""
    seconds = sum(length for _, length in parts) or 1.0
    files = {facts.file_id for facts, _ in parts}
    starts = [facts.start for facts, _ in parts if facts.start is not None]
    ends = [facts.end for facts, _ in parts if facts.end is not None]
    in_one_file = len(files) == 1 and None not in files and len(starts) == len(ends) == len(parts)
    return Facts(
        motion=sum(facts.motion * length for facts, length in parts) / seconds,
        brightness=sum(facts.brightness * length for facts, length in parts) / seconds,
        sound=mean_level([(facts.sound, length) for facts, length in parts]),
        file_id=files.pop() if in_one_file else None,
        start=min(starts) if in_one_file else None,
        end=max(ends) if in_one_file else None,
    )


def mean_level(levels: list[tuple[float | None, float]]) -> float | None:
    """Return the mean of levels in dB, weighted by seconds and averaged as power; None if there is no sound."""
    heard = [(level, seconds) for level, seconds in levels if level is not None and seconds > 0]
    if not heard:
        return None
    power = sum(10 ** (level / 10) * seconds for level, seconds in heard) / sum(
        seconds for _, seconds in heard
    )
    return 10 * log10(max(power, 1e-9))


def summary_of(event: Event, words: Wording) -> str | None:
    """Return an event's summary; for an event that is not described, its facts in the reader's language."""
    facts = None if event.is_described or not event.summary else Facts.of(event.facts)
    return event.summary if facts is None else factual_summary(facts, event.duration or 0.0, words)


def factual_summary(facts: Facts | None, duration: float, words: Wording) -> str:
    """Return the sentence for an event that is not described."""
    return words.sentence(duration, phrases(facts, words))


def phrases(facts: Facts | None, words: Wording) -> list[str]:
    """Return a phrase for each of motion, brightness (if remarkable) and sound."""
    return [] if facts is None else [_motion(facts, words), *_brightness(facts, words), _sound(facts, words)]


def _motion(facts: Facts, words: Wording) -> str:
    if facts.motion >= MUCH_MOTION:
        return words.much_motion
    return words.some_motion if facts.motion >= SOME_MOTION else words.still


def _brightness(facts: Facts, words: Wording) -> list[str]:
    if facts.brightness < DARK:
        return [words.dark]
    return [words.bright] if facts.brightness >= BRIGHT else []


def _sound(facts: Facts, words: Wording) -> str:
    if facts.sound is None or facts.sound < SILENT:
        return words.silent
    return words.loud if facts.sound >= LOUD else words.sound
