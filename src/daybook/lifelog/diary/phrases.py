"""An event in its own words, for a diary page without a better sentence."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from daybook.lifelog.events.facts import Facts, phrases, summary_of
from daybook.lifelog.events.models import Event
from daybook.lifelog.wording import Wording

_ENDS = tuple('.!?…。！？」』”"')


def own_words(event: Event, start: datetime, words: Wording) -> str:
    """Return a sentence with the event's local time and its summary, else whatever else is known of it."""
    text = (summary_of(event, words) or "").strip() or _labels(event, words) or _measured(event, words)
    text = " ".join(text.split())
    return f"{start:%H:%M} – {text}{'' if text.endswith(_ENDS) else words.stop}"  # noqa: RUF001  (a dash, as it is printed)


def measured_in_words(facts: Mapping[str, Any] | None, words: Wording) -> str:
    """Return the measured motion, brightness and sound of a recording as a list in words."""
    return words.list_joint.join(phrases(Facts.of(facts), words))


def _labels(event: Event, words: Wording) -> str:
    parts = (event.action, event.scene, words.list_joint.join(event.objects or []))
    return words.list_joint.join(part for part in parts if part)


def _measured(event: Event, words: Wording) -> str:
    text = words.recording_alone
    if event.duration:
        text = words.recording.format(length=words.length_to_the_minute(event.duration))
    measured = measured_in_words(event.facts, words)
    return text + (words.brackets.format(measured) if measured else "")
