"""Ollama's own chat and generate. Complete and ready to be routed, but no path of the gateway leads here yet."""

from dataclasses import replace
from functools import partial
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import bound_by_maximum
from daybook.gateway.apis.families import Family
from daybook.gateway.transcript.json_access import as_dict, as_text, grow, grow_all, join_pieces
from daybook.gateway.transcript.terminal_json import JsonLines, TerminalJson
from daybook.gateway.transcript.visible_text import content_text
from llm_tracker.usage.apis import OLLAMA_CHAT as CHAT_USAGE
from llm_tracker.usage.apis import OLLAMA_GENERATE as GENERATE_USAGE

OLLAMA_FAMILY = Family(
    name="ollama",
    error_body=lambda _status, _code, message, _param: {"error": message},
    model=lambda name, _owner: {"name": name, "model": name},
    model_list=lambda models: {"models": models},
)


def _assemble(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Return the answer that the lines make, and whether the `done` line was seen."""
    answer: dict[str, Any] = {}
    message: dict[str, Any] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key in {"response", "thinking"} and isinstance(value, str):
                grow(answer, key, value)
            elif key == "message":
                grow_all(message, as_dict(value), {"content", "thinking"})
            else:
                answer[key] = value
    if message:
        answer["message"] = join_pieces(message)
    return join_pieces(answer), answer.get("done") is True


OLLAMA_CHAT = Api(
    usage=CHAT_USAGE,
    family=OLLAMA_FAMILY,
    tail="api/chat",
    is_leading=True,
    is_routed=False,
    questions=(("messages",),),
    text=lambda answer: (
        content_text(as_dict(answer.get("message")).get("content")) or as_text(answer.get("response")),
    ),
    assemble=_assemble,
    streams_objects=True,
    terminal=partial(JsonLines, TerminalJson((b"true",), lambda line: as_dict(line).get("done") is True)),
    pieces=("content", "thinking", "response", "message"),
    bound=lambda asked: bound_by_maximum(asked, "num_predict", holder="options"),
)
OLLAMA_GENERATE = replace(
    OLLAMA_CHAT,
    usage=GENERATE_USAGE,
    tail="api/generate",
    is_leading=False,
    questions=(("system", "prompt", "images"),),
)
