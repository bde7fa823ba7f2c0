"""Field types of events, for requests, imports and models."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from annotated_types import Ge, Le, MaxLen
from pydantic import AfterValidator

LONGEST_LABEL = 200
"""Characters of an action, a scene, an object."""

LONGEST_SUMMARY = 4_000
MOST_OBJECTS = 50
LONGEST_DURATION = 366 * 86_400.0
"""Seconds: a year."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def clean_line(text: str) -> str | None:
    """Return `text` in one line, as stored; None if it is empty."""
    return " ".join(_letters(text, kept="").split()) or None


def clean_text(text: str) -> str | None:
    """Return `text` of several lines, as stored; None if it is empty."""
    return _letters(text.replace("\r\n", "\n").replace("\r", "\n"), kept="\n\t").strip() or None


def clean_objects(objects: list[str]) -> list[str]:
    """Return each object once, in the given order."""
    kept: dict[str, str] = {}
    for line in map(clean_line, objects):
        if line:
            kept.setdefault(line.casefold(), line)
    return list(kept.values())


def within_calendar(moment: datetime) -> datetime:
    """Return `moment` if an event can have it; without an offset it is checked as UTC. Raises `ValueError`."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EARLIEST <= aware < LATEST:
        raise ValueError("must be in the years 1900 to 2199")
    return moment


Label = Annotated[str, MaxLen(LONGEST_LABEL), AfterValidator(clean_line)]
Summary = Annotated[str, MaxLen(LONGEST_SUMMARY), AfterValidator(clean_text)]
Objects = Annotated[
    list[Annotated[str, MaxLen(LONGEST_LABEL)]], MaxLen(MOST_OBJECTS), AfterValidator(clean_objects)
]
Duration = Annotated[float, Ge(0), Le(LONGEST_DURATION)]
"""Seconds. NaN and infinity are neither."""
Moment = Annotated[datetime, AfterValidator(within_calendar)]
"""Without an offset it is local time, in the user's timezone."""


def _letters(text: str, kept: str) -> str:
    """Return `text` normalized, without surrogates and without control characters except `kept`."""
    return "".join(
        letter if letter in kept or unicodedata.category(letter) not in {"Cc", "Cs"} else " "
        for letter in unicodedata.normalize("NFC", text)
    )
