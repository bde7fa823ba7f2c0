"""Grounding: checking a model's sentences against the notes they cite."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from daybook.lifelog.diary.answer_parsing import AnswerSentence
from daybook.lifelog.diary.faithfulness.check import mismatch_of
from daybook.lifelog.diary.notes import Note, Sentence
from daybook.lifelog.diary.style import Style

_MOST_OWN_WORDS = 3
"""Events that may replace a dropped sentence."""


@dataclass(slots=True)
class Grounded:
    """The sentences that were kept, and the reasons for dropping the others."""

    kept: list[Sentence] = field(default_factory=list[Sentence])
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    """Number of sentences per reason: `uncited`, `language`, or a `Mismatch`."""

    @property
    def written(self) -> int:
        """Number of sentences by the model."""
        return sum(not sentence.own_words for sentence in self.kept)


def ground(
    said: Sequence[AnswerSentence], notes: Sequence[Note], style: Style, *, fall_back: bool = True
) -> Grounded:
    """Return the sentences that their notes support. If a dropped sentence was the only one about its events, they
    appear in their own words.
    """
    held = Grounded()
    judged = [(sentence, _cited(sentence, notes), _problem(sentence, notes, style)) for sentence in said]
    told = {
        event for _, cited, problem in judged if problem is None for note in cited for event in note.events
    }
    for sentence, cited, problem in judged:
        if problem is None:
            held.kept.append(_joined(sentence, cited))
            continue
        held.dropped[problem] = held.dropped.get(problem, 0) + 1
        if fall_back and len(cited) <= _MOST_OWN_WORDS:
            for note in cited:
                if told.isdisjoint(note.events):
                    told |= set(note.events)
                    held.kept.append(in_own_words(note, sentence.paragraph))
    return held


def in_own_words(note: Note, paragraph: int) -> Sentence:
    """Return a note's own words as a sentence."""
    return Sentence(note.own_words, note.events, note.sources, paragraph, own_words=True)


def _cited(sentence: AnswerSentence, notes: Sequence[Note]) -> list[Note]:
    return [notes[number - 1] for number in sentence.notes if 0 < number <= len(notes)]


def _problem(sentence: AnswerSentence, notes: Sequence[Note], style: Style) -> str | None:
    cited = _cited(sentence, notes)
    if not sentence.text or not cited:
        return "uncited"
    if not style.speaks(sentence.text):
        return "language"
    return mismatch_of(sentence.text, [source for note in cited for source in note.sources], style.language)


def _joined(sentence: AnswerSentence, cited: Sequence[Note]) -> Sentence:
    events = dict.fromkeys(event for note in cited for event in note.events)
    sources = dict.fromkeys(source for note in cited for source in note.sources)
    return Sentence(sentence.text, tuple(events), tuple(sources), sentence.paragraph)
