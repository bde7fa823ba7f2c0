"""Check of a sentence against its events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from daybook.lifelog.diary.faithfulness.clocks import extract_clocks, extract_parts_of_day, is_in_part
from daybook.lifelog.diary.faithfulness.dates import extract_dates
from daybook.lifelog.diary.faithfulness.lengths import extract_lengths
from daybook.lifelog.diary.faithfulness.names import is_among, names_in, words_of
from daybook.lifelog.diary.faithfulness.numbers import extract_numbers, numbers_said
from daybook.lifelog.diary.faithfulness.quotes import bare, quotes_in, without_quotes
from daybook.lifelog.script import folded

Mismatch = Literal["quotation", "name", "date", "time", "part of the day", "length", "number"]
"""The kind of claim that no event supports."""


@dataclass(frozen=True, slots=True)
class Source:
    """An event as sentences are checked against it: its text, and its time in local time."""

    text: str
    start: datetime
    seconds: float | None = None

    @property
    def end(self) -> datetime:
        """End of the event; its start if it has no length."""
        return self.start + timedelta(seconds=self.seconds or 0)


def mismatch_of(sentence: str, sources: Sequence[Source], language: str) -> Mismatch | None:
    """Return the kind of claim in `sentence` that no source supports; None if there is none."""
    said = "\n".join(source.text for source in sources)
    letters = bare(said)
    if any(bare(quote) not in letters for quote in quotes_in(sentence)):
        return "quotation"
    sentence = without_quotes(sentence)
    words = words_of(said)
    if any(not is_among(name, words) for name in names_in(sentence, language)):
        return "name"
    return _mismatch_of_figures(folded(sentence), folded(said), sources)


def _mismatch_of_figures(sentence: str, said: str, sources: Sequence[Source]) -> Mismatch | None:
    intervals = [(source.start, source.end) for source in sources]
    moments = [moment for interval in intervals for moment in interval]
    sentence, days = extract_dates(sentence)
    said, days_said = extract_dates(said)
    if any(day not in days_said and not any(day.is_of(real.date()) for real in moments) for day in days):
        return "date"
    sentence, clocks = extract_clocks(sentence)
    said, clocks_said = extract_clocks(said)
    told = {minute for clock in clocks_said for minute in clock.minutes}
    if any(not clock.minutes & told and not clock.is_of(moments) for clock in clocks):
        return "time"
    sentence, parts = extract_parts_of_day(sentence)
    if any(part not in said and not is_in_part(part, intervals) for part in parts):
        return "part of the day"
    sentence, lengths = extract_lengths(sentence)
    said, lengths_said = extract_lengths(said)
    real = [*_lengths(sources), *(length.seconds for length in lengths_said)]
    if any(not length.is_of(real) for length in lengths):
        return "length"
    _, numbers = extract_numbers(sentence)
    numbers_of_events = numbers_said(said)
    return "number" if any(not values & numbers_of_events for values in numbers) else None


def _lengths(sources: Sequence[Source]) -> list[float]:
    """Return the seconds of each event, of all together, and from the first start to the last end."""
    each = [source.seconds for source in sources if source.seconds is not None]
    whole = max(source.end for source in sources) - min(source.start for source in sources)
    return [*each, sum(each), whole.total_seconds()]
