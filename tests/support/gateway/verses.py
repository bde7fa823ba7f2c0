"""An API that does not exist, as a file of `gateway.apis` would have it."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import bound_by_maximum
from daybook.gateway.apis.families import Family
from daybook.gateway.transcript.json_access import as_list, as_text
from daybook.gateway.transcript.terminal_json import JsonLines, TerminalJson
from support.gateway.verses_usage import VERSES as USAGE

VERSE_FAMILY = Family(
    name="verse",
    error_body=lambda _status, code, message, _param: {"error": {"why": code, "message": message}},
    model=lambda name, _owner: {"poet": name},
    model_list=lambda models: {"poets": models},
    headers=("x-verse",),
)


def _assemble(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    fin = next((chunk for chunk in chunks if chunk.get("fin") is True), {})
    verse = "".join(as_text(chunk.get("piece")) for chunk in chunks)
    return {"model": fin.get("model"), "verse": [verse], "ink": fin.get("ink")}, bool(fin)


def _texts(answer: dict[str, Any]) -> Iterable[str]:
    return map(as_text, as_list(answer.get("verse")))


VERSES = Api(
    usage=USAGE,
    family=VERSE_FAMILY,
    tail="verses",
    is_leading=True,
    questions=(("theme",),),
    text=_texts,
    assemble=_assemble,
    terminal=partial(JsonLines, TerminalJson((b'"fin"',), lambda event: event.get("fin") is True)),
    pieces=("piece",),
    bound=lambda asked: bound_by_maximum(asked, "most_ink"),
)
