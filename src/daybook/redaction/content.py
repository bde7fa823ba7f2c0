"""An exchange without its content: its shape, sizes, numbers and states."""

import re
from typing import Any

_DEEPEST = 100

_IDS = frozenset({
    "id", "response_id", "responseId", "previous_response_id", "item_id", "call_id", "tool_call_id", "tool_use_id",
})  # fmt: skip
_STATES = frozenset({
    "config", "provider",
    "model", "modelVersion", "model_version", "role", "type", "object", "finish_reason", "finishReason", "stop_reason",
    "done_reason", "native_finish_reason", "status", "code", "event", "service_tier",
    "system_fingerprint", "encoding_format", "response_format", "reasoning_effort", "effort", "verbosity", "voice",
    "size", "quality", "detail", "truncation", "tool_choice", "created_at", "createTime", "language", "timings",
    "thinkingLevel", "mime_type", "mimeType", "media_type", "category", "probability", "blockReason", "modality",
}) | _IDS  # fmt: skip
"""Fields whose texts are names and states of the API, not content."""

_FREE = frozenset({
    "arguments", "args", "input_schema", "parameters", "parametersJsonSchema", "schema", "json_schema",
    "response_schema", "responseSchema", "responseJsonSchema", "metadata", "labels", "properties", "logprobs",
    "top_logprobs", "logit_bias", "embedding", "embeddings", "values", "functionResponse", "functionCall",
    "function_response", "function_call", "data", "inlineData", "documents", "query",
})  # fmt: skip
"""Fields that hold whatever the caller or the model put there: kept is only how large it is."""

_STATE = re.compile(r"[\w.:/@+-]{0,128}", re.ASCII)
_ID = re.compile(r"[\w-]{0,128}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}")
EVENT_NAME = re.compile(r"[\w.:-]{0,64}|\[DONE\]")
_QUOTE = re.compile(r"""["'`“”‘’«»「」『』:<{\[]""")  # noqa: RUF001  (they are quotes)


def shape_of(value: Any, *, spread: bool = False) -> Any:
    """Return `value` without content. `spread`: it is one of many events, whose texts become empty instead of their
    sizes, so that joining them gives nothing.
    """
    return _shape(value, "", 0, spread=spread)


def without_quotes(sentence: str) -> str:
    """Return `sentence` up to its first quote: the words from there on may be the caller's."""
    quote = _QUOTE.search(sentence)
    if quote is None:
        return sentence
    return f"{sentence[: quote.start()]}[redacted: {len(sentence) - quote.start()} characters]"


def _shape(value: Any, name: str, depth: int, *, spread: bool) -> Any:
    shape = value
    match value:
        case str() if name in _STATES and (_ID if name in _IDS else _STATE).fullmatch(value):
            pass
        case str():
            shape = "" if spread else f"[redacted: {len(value)} characters]"
        case dict() | list() if depth >= _DEEPEST:
            shape = "[nested too deeply]"
        case dict():
            shape = {
                key: _size(held) if _is_free(key, held) else _shape(held, key, depth + 1, spread=spread)
                for key, held in value.items()
                if _NAME.fullmatch(key)
            }
        case list() if len(value) > 1 and all(isinstance(item, int | float) for item in value):
            shape = [f"[redacted: {len(value)} numbers]"]
        case list():
            shape = [_shape(item, name, depth + 1, spread=spread) for item in value]
        case _:
            pass
    return shape


def _is_free(name: str, value: Any) -> bool:
    """True if a field holds content. `input` does in a tool's call, where it is an object; `data` and `embeddings` if
    they are lists.
    """
    if name == "input":
        return isinstance(value, dict) and not {"messages", "contents", "prompt"} & value.keys()
    if name in {"data", "embeddings", "documents"} and isinstance(value, list):
        return not all(isinstance(item, dict) for item in value)
    return name in _FREE and value is not None


def _size(value: Any) -> str:
    if isinstance(value, str):
        return f"[redacted: {len(value)} characters]"
    if isinstance(value, dict | list):
        return f"[redacted: {len(value)} {'fields' if isinstance(value, dict) else 'items'}]"
    return "[redacted]"
