"""An answer as the call log keeps it: whole, its text, and whether it is good."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daybook.gateway.transcript.chat import assemble_chat
from daybook.gateway.transcript.faults import fault_in, fault_in_stream, fault_of_body, page_text
from daybook.gateway.transcript.gemini import assemble_gemini
from daybook.gateway.transcript.messages import assemble_messages
from daybook.gateway.transcript.natives import (
    assemble_cohere,
    assemble_dashscope,
    assemble_media,
    assemble_ollama,
)
from daybook.gateway.transcript.recorded import read_recorded
from daybook.gateway.transcript.responses import assemble_responses
from daybook.gateway.transcript.shape import as_dict, as_text, parse
from daybook.gateway.transcript.storable import storable, storable_text
from daybook.gateway.transcript.text import visible_text
from daybook.gateway.transcript.unseen import unseen_text

_FIRST_FAILURE = 400
_OBJECTS_ARE_STREAMS = frozenset(
    {"ollama.chat", "ollama.generate", "streamGenerateContent", "generateContent"}
)
_SOUNDS = ((b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"))
_Assemble = Callable[[list[dict[str, Any]]], tuple[dict[str, Any], bool]]
_ASSEMBLE: dict[str, _Assemble] = {
    "chat.completions": assemble_chat,
    "completions": assemble_chat,
    "responses": assemble_responses,
    "messages": assemble_messages,
    "generateContent": assemble_gemini,
    "streamGenerateContent": assemble_gemini,
    "ollama.chat": assemble_ollama,
    "ollama.generate": assemble_ollama,
    "cohere.chat": assemble_cohere,
    "dashscope.generation": assemble_dashscope,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer for the call log.

    `data`: the whole answer, fit for JSONB; of a stream its assembled equivalent; None when there was none.
    `text`: what a person would see of it; None when there is nothing to see (tool calls, vectors).
    `model`: the model that says it answered. `error`: what went wrong, in a sentence; None when nothing did.
    `finished`: the terminal event was seen; of an answer that is no stream, it could be read.
    """

    data: Any
    text: str | None
    model: str | None
    error: str | None
    finished: bool

    @property
    def written(self) -> str:
        """All that the model wrote, as far as it can be read, for counting: the text, and what is not seen of it."""
        return "\n".join(part for part in (self.text, unseen_text(self.data)) if part)


def answer_of_body(api: str, body: Any, *, status: int = 200, media_type: str | None = None) -> Answer:
    """The answer that came in one piece.

    `body` is its bytes, or the JSON in them. `status` and `media_type` are the HTTP answer's: from 400 on
    every body is an error, whatever its shape.
    """
    if isinstance(body, bytes | bytearray):
        raw = bytes(body)
        if api == "audio.speech" and status < _FIRST_FAILURE and raw.lstrip()[:1] != b"{":
            return _sound(raw, media_type)
        try:
            body = parse(raw)
        except ValueError:
            body = raw.decode("utf-8", "replace")
    if isinstance(body, str):
        return _text_answer(api, body, status, media_type)
    if status >= _FIRST_FAILURE:
        return Answer(storable(body), None, _model(body), fault_of_body(body), finished=True)
    return _answer(body, fault_in(body), finished=True)


def answer_of_stream(api: str, raw: bytes) -> Answer:
    """The answer that came as a stream, from all its bytes, or from those that came before it broke off."""
    if api == "audio.speech" and raw[:64].lstrip()[:5] not in {b"data:", b"event"}:
        return answer_of_body(api, raw)
    recorded = read_recorded(raw)
    if recorded.whole and api not in _OBJECTS_ARE_STREAMS:
        return answer_of_body(api, recorded.chunks[0])
    if not recorded.chunks:
        note = recorded.note() if raw.strip() else "The stream is empty."
        error = (page_text(raw) or note) if recorded.unreadable else note
        return Answer(None, None, None, error, finished=recorded.done)
    data, finished = _ASSEMBLE.get(api, assemble_media)(recorded.chunks)
    error = fault_in_stream(raw, recorded.chunks)
    return _answer(data, error or recorded.note(), finished=finished or recorded.done)


def _answer(data: Any, error: str | None, *, finished: bool) -> Answer:
    text = visible_text(data)
    return Answer(storable(data), storable_text(text) if text else None, _model(data), error, finished)


def _model(data: Any) -> str | None:
    answer = as_dict(data)
    model = as_text(answer.get("model")) or as_text(answer.get("modelVersion"))
    return storable_text(model) or None


def _text_answer(api: str, body: str, status: int, media_type: str | None) -> Answer:
    """An answer that is no JSON: a transcript may be plain text or subtitles; all else is an error."""
    kept = storable_text(body)
    if status >= _FIRST_FAILURE:
        return Answer(kept or None, None, None, fault_of_body(body), finished=True)
    page = "html" in (media_type or "") or body[:100].lstrip()[:5].lower() in {"<!doc", "<html"}
    if api == "audio.transcriptions" and body.strip() and not page:
        return Answer({"text": kept}, kept, None, None, finished=True)
    said = page_text(body.encode("utf-8", "replace"))
    error = f"The answer is no JSON: {said}" if said else "The answer is empty."
    return Answer(kept or None, None, None, error, finished=False)


def _sound(raw: bytes, media_type: str | None) -> Answer:
    """Speech: how much of what, not the sound itself."""
    kind = media_type or next((name for start, name in _SOUNDS if raw.startswith(start)), None)
    if kind is None:
        kind = "audio/mpeg" if raw[:1] == b"\xff" else "application/octet-stream"
    error = None if raw else "The answer is empty."
    return Answer(
        {"media_type": storable_text(kind), "bytes": len(raw)}, None, None, error, finished=bool(raw)
    )
