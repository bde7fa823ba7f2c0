"""Parsing of a model's answer: sentences with the numbers of the notes they cite."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import orjson

LONGEST_SENTENCE = 1000
"""Characters."""


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of a model's answer; `notes` are numbers from 1."""

    text: str
    notes: tuple[int, ...]
    paragraph: int


class MalformedAnswer(Exception):
    """The answer does not have the requested form. The message tells the model what is wrong."""


def read_answer(text: str) -> list[AnswerSentence]:
    """Return the sentences of an answer: a JSON object, with any text around it. Raises `MalformedAnswer`."""
    found = _json_object(text)
    paragraphs = found.get("paragraphs")
    if not isinstance(paragraphs, list):
        raise MalformedAnswer('The object has no list "paragraphs".')
    said = [
        sentence for number, paragraph in enumerate(paragraphs) for sentence in _sentences(paragraph, number)
    ]
    if not said:
        raise MalformedAnswer("There is no sentence in it.")
    return said


def _json_object(text: str) -> dict[str, Any]:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise MalformedAnswer("There is no JSON object in it.")
    try:
        found = orjson.loads(text[start : end + 1])
    except orjson.JSONDecodeError as problem:
        raise MalformedAnswer(f"It is not JSON: {problem.msg}.") from None
    if not isinstance(found, dict):
        raise MalformedAnswer("It is not a JSON object.")
    return found


def _sentences(paragraph: Any, number: int) -> list[AnswerSentence]:
    if not isinstance(paragraph, list):
        raise MalformedAnswer("A paragraph is not a list of sentences.")
    return [_sentence(entry, number) for entry in paragraph]


def _sentence(entry: Any, number: int) -> AnswerSentence:
    match entry:
        case {"text": str(text), "notes": list(notes)} if all(type(note) is int for note in notes):
            return AnswerSentence(_clean(text), tuple(dict.fromkeys(notes)), number)
        case _:
            raise MalformedAnswer('A sentence is not {"text": "…", "notes": [1]}.')


def _clean(text: str) -> str:
    """One line of plain text."""
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Cs", "Co"} else letter for letter in text)
    return re.sub(r"\s+", " ", plain).strip()[:LONGEST_SENTENCE]
