"""What was asked, and how: a request's body as the two columns of the call log."""

from typing import Any

from daybook.gateway.transcript.shape import as_dict
from daybook.gateway.transcript.storable import storable, storable_text

RAW_LIMIT = 10_000
"""Characters that are kept of a body that is no JSON object."""

_GEMINI = ("systemInstruction", "system_instruction", "contents")
_ANTHROPIC = ("system", "messages")
_ASKED: dict[str, tuple[tuple[str, ...], ...]] = {
    "chat.completions": (("messages",),),
    "completions": (("prompt",),),
    "responses": (("instructions", "input", "prompt"),),
    "embeddings": (
        ("input",),
        ("inputs",),
        ("texts",),
        ("images",),
        ("content",),
        ("contents",),
        ("requests",),
        ("instances",),
        ("prompt",),
    ),
    "audio.transcriptions": (("file", "prompt"),),
    "audio.speech": (("instructions", "input"),),
    "images.generations": (("prompt",),),
    "messages": (_ANTHROPIC,),
    "count_tokens": (_ANTHROPIC, _GEMINI, ("generateContentRequest",), ("instructions", "input")),
    "generateContent": (_GEMINI,),
    "streamGenerateContent": (_GEMINI,),
    "ollama.chat": (("messages",),),
    "ollama.generate": (("system", "prompt", "images"),),
    "cohere.chat": (("messages",), ("preamble", "chat_history", "message")),
    "dashscope.generation": (("input",),),
    "rerank": (("query", "documents"),),
    "moderations": (("input",),),
}
"""Per API, the places where the question may be: the first one of which a key is present counts."""


def request_parts(api: str, body: Any) -> tuple[Any, dict[str, Any]]:
    """`request_messages` (what was asked) and `request_params` (all the rest: model, temperature, tools, …).

    Where an API has one key for the question, `request_messages` is its value as it came (chat: the list of
    messages; completions: the prompt). Where it has several, it is an object of those present (Anthropic:
    `{"system": …, "messages": …}`). It is `{}` when there is no question, and `{"raw": …}` when the body is
    no JSON object; it is never None. Both are fit for JSONB, with files replaced by markers (`storable`).
    """
    if not isinstance(body, dict):
        return {"raw": _raw(body)}, {}
    whole = dict(as_dict(storable(body)))
    for keys in _ASKED.get(api, ()):
        asked = {key: whole.pop(key) for key in keys if whole.get(key) is not None}
        if asked:
            return (asked if len(keys) > 1 else next(iter(asked.values()))), whole
    return {}, whole


def _raw(body: Any) -> Any:
    if isinstance(body, bytes | bytearray | memoryview):
        body = bytes(body[: RAW_LIMIT * 4]).decode("utf-8", "replace")
    if isinstance(body, str):
        return storable_text(body[:RAW_LIMIT])
    return storable(body)
