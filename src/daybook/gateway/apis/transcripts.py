"""Request and answer as the call log keeps them.

Runs after the exchange, in the shipper. Raises nothing for malformed bodies.
"""

from dataclasses import dataclass
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.transcript.hidden_output import hidden_text
from daybook.gateway.transcript.json_access import as_dict, as_text, parse
from daybook.gateway.transcript.provider_errors import error_in, error_in_stream, error_of_body, page_text
from daybook.gateway.transcript.recorded_stream import read_recorded
from daybook.gateway.transcript.storable import storable, storable_text

RAW_LIMIT = 10_000
"""Characters that are kept of a request that is no JSON object."""

_FIRST_FAILURE = 400
_BETWEEN = "\n\n"  # the texts of several choices
_SOUNDS = ((b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"))


def request_parts(api: Api, body: Any) -> tuple[Any, dict[str, Any]]:
    """Return `request_messages` (the question) and `request_params` (model, temperature, tools, …).

    If the API has one member for the question, `request_messages` is its value (chat: the list of messages). If it has
    several, it is an object of those present (Anthropic: `{"system": …, "messages": …}`). It is `{}` without a question
    and `{"raw": …}` if the body is no JSON object; it is never None. Both are fit for JSONB, with files replaced by
    markers (`storable`).
    """
    if not isinstance(body, dict):
        return {"raw": _raw(body)}, {}
    whole = dict(as_dict(storable(body)))
    for names in api.questions:
        asked = {name: whole.pop(name) for name in names if whole.get(name) is not None}
        if asked:
            return (asked if len(names) > 1 else next(iter(asked.values()))), whole
    return {}, whole


def _raw(body: Any) -> Any:
    if isinstance(body, bytes | bytearray | memoryview):
        body = bytes(body[: RAW_LIMIT * 4]).decode("utf-8", "replace")
    if isinstance(body, str):
        return storable_text(body[:RAW_LIMIT])
    return storable(body)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer for the call log."""

    data: Any
    """The whole answer, fit for JSONB, assembled if it was a stream. None if there was none."""
    text: str | None
    """The visible text. None if there is none (tool calls, vectors)."""
    model: str | None
    """The model that the answer names."""
    error: str | None
    """The error in a sentence. None if there was none."""
    finished: bool
    """True if a stream's terminal event was seen, or a whole answer could be read."""

    @property
    def written(self) -> str:
        """All readable output of the model, for counting: visible and hidden text."""
        return "\n".join(part for part in (self.text, hidden_text(self.data)) if part)


def answer_of_body(api: Api, body: Any, *, status: int = 200, media_type: str | None = None) -> Answer:
    """Return the answer that came in one piece.

    `body` is its bytes, or the JSON in them. `status` and `media_type` are those of HTTP: from 400 on every body is an
    error, whatever its shape.
    """
    if isinstance(body, bytes | bytearray):
        raw = bytes(body)
        if api.binary and status < _FIRST_FAILURE and raw.lstrip()[:1] != b"{":
            return _sound(raw, media_type)
        try:
            body = parse(raw)
        except ValueError:
            body = raw.decode("utf-8", "replace")
    if isinstance(body, str):
        return _text_answer(api, body, status, media_type)
    if status >= _FIRST_FAILURE:
        return Answer(storable(body), None, _model(body), error_of_body(body), finished=True)
    return _answer(api, body, error_in(body), finished=True)


def answer_of_stream(api: Api, raw: bytes) -> Answer:
    """Return the answer that came as a stream, from its bytes, all or those before it broke off."""
    if api.binary and raw[:64].lstrip()[:5] not in {b"data:", b"event"}:
        return answer_of_body(api, raw)
    recorded = read_recorded(raw)
    if recorded.whole and not api.streams_objects:
        return answer_of_body(api, recorded.chunks[0])
    if not recorded.chunks:
        note = recorded.note() if raw.strip() else "The stream is empty."
        error = (page_text(raw) or note) if recorded.unreadable else note
        return Answer(None, None, None, error, finished=recorded.done)
    data, finished = api.assemble(recorded.chunks)
    error = error_in_stream(raw, recorded.chunks) or (error_in(data) if data.get("error") else None)
    return _answer(api, data, error or recorded.note(), finished=finished or recorded.done)


def _answer(api: Api, data: Any, error: str | None, *, finished: bool) -> Answer:
    text = _BETWEEN.join(text for text in api.text(as_dict(data)) if text)
    return Answer(storable(data), storable_text(text) or None, _model(data), error, finished)


def _model(data: Any) -> str | None:
    answer = as_dict(data)
    model = as_text(answer.get("model")) or as_text(answer.get("modelVersion"))
    return storable_text(model) or None


def _text_answer(api: Api, body: str, status: int, media_type: str | None) -> Answer:
    """Return an answer that is not JSON: plain text or subtitles if the API has them, else an error."""
    kept = storable_text(body)
    if status >= _FIRST_FAILURE:
        return Answer(kept or None, None, None, error_of_body(body), finished=True)
    page = "html" in (media_type or "") or body[:100].lstrip()[:5].lower() in {"<!doc", "<html"}
    if api.plain_text and body.strip() and not page:
        return Answer({"text": kept}, kept, None, None, finished=True)
    said = page_text(body.encode("utf-8", "replace"))
    error = f"The answer is no JSON: {said}" if said else "The answer is empty."
    return Answer(kept or None, None, None, error, finished=False)


def _sound(raw: bytes, media_type: str | None) -> Answer:
    """Return the kind and size of speech, not the sound itself."""
    kind = media_type or next((name for start, name in _SOUNDS if raw.startswith(start)), None)
    if kind is None:
        kind = "audio/mpeg" if raw[:1] == b"\xff" else "application/octet-stream"
    data = {"media_type": storable_text(kind), "bytes": len(raw)}
    return Answer(data, None, None, None if raw else "The answer is empty.", finished=bool(raw))
