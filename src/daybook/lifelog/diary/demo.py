"""Writing a page with the offline demo model, which is too small to be asked for a page: it puts one event at a time in
a sentence. What it says is kept only if every word of it is the event's; else the event's own words stand there.
"""

import re
from collections.abc import Sequence

from daybook.lifelog.diary.faithfulness.check import mismatch_of
from daybook.lifelog.diary.faithfulness.names import is_among, words_of
from daybook.lifelog.diary.grounding import Grounded, in_own_words
from daybook.lifelog.diary.model_client import DiaryModelClient
from daybook.lifelog.diary.notes import Note, Sentence
from daybook.lifelog.diary.prompts import Messages
from daybook.lifelog.diary.style import Style
from daybook.lifelog.diary.writing import Progress
from daybook.lifelog.script import folded

MOST_ASKED = 12
"""Events of a day that the demo model is asked about; all others stand there in their own words."""

_ANSWER_TOKENS = 48
_FEWEST_WORDS, _MOST_WORDS = 4, 40
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)|[。！？]|$)", re.DOTALL)
_CLOCK = re.compile(r"^\d\d:\d\d[ –]*")  # noqa: RUF001  (a dash, as it is printed)
"""How an event's own words begin."""
_HAN = re.compile(r"[\u3400-\u9fff]")

_LINKS = frozenset(
    "a an the i me my was were is are am be been had have has did do and or but with in on at to of for from as by it "  # noqa: SIM905
    "its that this there here saw see seen watched went go then while where who which some into near along".split()
)
"""Words that the model may add in English: they say next to nothing."""
_ACTS = re.compile(r"\bi (?!saw\b|see\b|watched\b)|我(?!.*看[見见到])")
"""The sentence has it that the person did it."""
_OTHER_PEOPLE = re.compile(r"[人男女孩他她们們]")
_CHINESE_LINKS = frozenset("我了在的有著着看見见到是和與与一個个地裡里正上")


async def write_demo(client: DiaryModelClient, notes: Sequence[Note], progress: Progress) -> Grounded:
    """Return one sentence and paragraph for each note. Raises what `InternalClient.call` does.

    Events in another language than the page's are not sent to the model, which cannot translate.
    """
    held = Grounded()
    asked = [note for note in notes if client.style.speaks(_said(note))][:MOST_ASKED]
    for at, note in enumerate(notes):
        sentence = None
        if note in asked:
            await progress(0.1 + 0.8 * at / len(notes), "writing")
            answer = await client.ask(
                f"event-{note.events[0]}",
                _question(note, client.style),
                max_tokens=_ANSWER_TOKENS,
                temperature=0,
                stop=["\n"],
            )
            sentence = _kept(answer, note, client.style)
            if sentence is None:
                held.dropped["demo"] = held.dropped.get("demo", 0) + 1
        if sentence is None:
            held.kept.append(in_own_words(note, at))
        else:
            begins = _CLOCK.match(note.own_words)
            text = (begins[0] if begins else "") + sentence
            held.kept.append(Sentence(text, note.events, note.sources, at))
    return held


def _question(note: Note, style: Style) -> Messages:
    """Return a few examples and the note: this model learns more from examples than from instructions."""
    said = _said(note)
    if style.is_chinese:
        examples = (
            "筆記：在廚房燒水。\n句子：我在廚房燒水。\n\n"
            "筆記：兩個孩子在操場踢球。\n句子：我看見兩個孩子在操場踢球。\n\n"
        )
        return [{"role": "user", "content": f"{examples}筆記：{said}\n句子："}]
    examples = (
        "Note: Boiling water in the kitchen. kettle\nSentence: I was boiling water in the kitchen.\n\n"
        "Note: Two children play on a field.\nSentence: I saw two children play on a field.\n\n"
    )
    return [{"role": "user", "content": f"{examples}Note: {said}\nSentence:"}]


def _said(note: Note) -> str:
    """Return the event's text; its facts if it is not described."""
    said = " ".join(source.text for source in note.sources) or _CLOCK.sub("", note.own_words)
    return " ".join(said.split())


def _kept(answer: str, note: Note, style: Style) -> str | None:
    """Return the first sentence of `answer` if it is supported by the note."""
    found = _SENTENCE.search(answer.strip())
    sentence = " ".join(found[0].split()) if found else ""
    if not sentence.endswith((".", "!", "。", "！")) or not style.speaks(sentence):
        return None
    said = _said(note)
    adds = _adds_chinese if style.is_chinese else _adds_words
    if (
        adds(sentence, said)
        or _claims_deed(sentence, said)
        or mismatch_of(sentence, note.sources, style.language)
    ):
        return None
    return sentence


def _claims_deed(sentence: str, said: str) -> bool:
    """Return True if `sentence` attributes to the user what another may have done. Events that begin with an action
    (*Walking a dog*, 在廚房燒水) or mention the user are the user's own.
    """
    if not _ACTS.search(sentence.casefold()) or re.search(r"\b(?:i|me|my)\b|我", said.casefold()):
        return False
    if _HAN.search(said):
        return _OTHER_PEOPLE.search(said) is not None
    return not re.match(r"\w+ing\b", said)


def _adds_words(sentence: str, said: str) -> bool:
    """Return True if `sentence` has a word that `said` lacks, covers too little of it or repeats itself."""
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", sentence.casefold())  # noqa: RUF001
    known = words_of(said)
    told = [word for word in words if word not in _LINKS]
    return (
        not _FEWEST_WORDS <= len(words) <= _MOST_WORDS
        or _is_poor(told, least=2)
        or not all(is_among(word, known) for word in told)
    )


def _adds_chinese(sentence: str, said: str) -> bool:
    """Return True if `sentence` has a character that `said` lacks, covers too little of it or repeats itself."""
    told = [character for character in _HAN.findall(folded(sentence)) if character not in _CHINESE_LINKS]
    return _is_poor(told, least=4) or not set(folded(said)).issuperset(told)


def _is_poor(told: Sequence[str], least: int) -> bool:
    """Return True if there are fewer than `least` different items or most are repetitions."""
    return len(set(told)) < least or len(told) > 2 * len(set(told))
