"""Notes, from which a page is written: each of one event, or of a summary of several."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from daybook.lifelog.diary.faithfulness.check import Source
from daybook.lifelog.diary.phrases import measured_in_words, own_words
from daybook.lifelog.diary.style import Style
from daybook.lifelog.events.facts import summary_of
from daybook.lifelog.events.models import Event
from daybook.lifelog.wording import ENGLISH, Wording


@dataclass(frozen=True, slots=True)
class Note:
    """`prompt_text` is what the model reads; its sentences are checked against `sources`."""

    prompt_text: str
    events: tuple[UUID, ...]
    sources: tuple[Source, ...]
    own_words: str
    """Text for the page without a better sentence; in any script."""

    @property
    def start(self) -> datetime:
        """Local start time."""
        return self.sources[0].start


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a page, with its events."""

    text: str
    events: tuple[UUID, ...]
    sources: tuple[Source, ...]
    paragraph: int = 0
    own_words: bool = False


def notes_of(events: Iterable[Event], timezone: ZoneInfo, style: Style) -> list[Note]:
    """Return a note for each event that has a time, in their order."""
    return [
        _note(event, event.start_time.astimezone(timezone), style) for event in events if event.start_time
    ]


def note_of_summary(sentence: Sentence) -> Note:
    """Return a note for a sentence that summarizes several events."""
    start = min(source.start for source in sentence.sources)
    return Note(f"{start:%H:%M}: {sentence.text}", sentence.events, sentence.sources, sentence.text)


def _note(event: Event, start: datetime, style: Style) -> Note:
    in_own_words = own_words(event, start, style.words)
    source = Source(_text_of(event, style.words), start, event.duration)
    return Note(_prompt_line(event, start, style.words), (event.id,), (source,), in_own_words)


def _text_of(event: Event, words: Wording) -> str:
    """Return the event's whole text, to check sentences against."""
    said = (summary_of(event, words), event.action, event.scene, *(event.objects or []))
    return "\n".join(part for part in said if part)


def _prompt_line(event: Event, start: datetime, words: Wording) -> str:
    """Return the event in one line, which cannot pass for another note; in English except its own words."""
    parts = [f"{start:%H:%M}"]
    if event.duration:
        parts.append(f"for {ENGLISH.length_to_the_minute(event.duration)}")
    told = [
        summary_of(event, words) or "",
        f"Action: {event.action}." if event.action else "",
        f"Scene: {event.scene}." if event.scene else "",
        f"Objects: {', '.join(event.objects)}." if event.objects else "",
    ]
    text = " ".join(part for part in told if part)
    if not event.is_described:
        text = " ".join(
            [text, f"A recording that nobody has described ({measured_in_words(event.facts, ENGLISH)})."]
        )
    return f"{', '.join(parts)}: {' '.join(text.split())}"
