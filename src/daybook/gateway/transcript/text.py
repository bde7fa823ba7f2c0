"""The text of an answer that a person would see."""

from collections.abc import Iterable
from typing import Any

import orjson

from daybook.gateway.transcript.shape import as_dict, as_list, as_text
from daybook.gateway.transcript.storable import storable

_BETWEEN = "\n\n"


def visible_text(data: Any) -> str | None:
    """The visible text of a whole answer of any API; None when it has none (tool calls, vectors).

    The API is told by the answer's shape. The texts of one choice are joined as the SDKs join them, without
    anything between; choices stand apart by an empty line. Thoughts are not
    visible; a refusal is, and so is what was said in sound.
    """
    answer = as_dict(data)
    if "choices" in answer:
        texts: Iterable[str] = map(_choice_text, as_list(answer["choices"]))
    elif "candidates" in answer:
        texts = (_gemini_text(as_dict(candidate)) for candidate in as_list(answer["candidates"]))
    elif isinstance(answer.get("output"), list):  # Responses
        texts = [
            "".join(
                _content_text(as_dict(item).get("content")) for item in answer["output"] if _is_message(item)
            )
        ]
    elif isinstance(answer.get("output"), dict):  # DashScope
        return visible_text({key: value for key, value in answer["output"].items() if key != "output"})
    elif "message" in answer:  # Ollama, Cohere
        texts = [_content_text(as_dict(answer["message"]).get("content"))]
    elif "content" in answer:  # Anthropic
        texts = [_content_text(answer["content"])]
    else:  # transcriptions, Cohere v1, Ollama's generate
        texts = [as_text(answer.get("text")) or as_text(answer.get("response"))]
    return _BETWEEN.join(text for text in texts if text) or None


def _choice_text(choice: Any) -> str:
    entry = as_dict(choice)
    message = as_dict(entry.get("message"))
    return (
        _content_text(message.get("content"))
        or as_text(message.get("refusal"))
        or as_text(as_dict(message.get("audio")).get("transcript"))
        or as_text(entry.get("text"))
    )


def _gemini_text(candidate: dict[str, Any]) -> str:
    parts = map(as_dict, as_list(as_dict(candidate.get("content")).get("parts")))
    return "".join(as_text(part.get("text")) for part in parts if part.get("thought") is not True)


def _content_text(content: Any) -> str:
    """A text, or the texts and refusals among the parts of a content."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):  # Cloudflare, where a schema was asked for
        return orjson.dumps(storable(content)).decode()
    return "".join(
        as_text(part.get("text")) or as_text(part.get("refusal"))
        for part in map(as_dict, as_list(content))
        if as_text(part.get("type", "text")) in {"text", "output_text", "refusal"}
    )


def _is_message(item: Any) -> bool:
    return as_dict(item).get("type", "message") == "message"
