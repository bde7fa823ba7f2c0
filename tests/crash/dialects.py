"""What the provider says in each API, and which tokens it has reported by then."""

import json
import random
from dataclasses import dataclass
from typing import Any

from crash.plan import MODELS, Spec

Tokens = tuple[int, int, int, int, int]
"""prompt, completion, total, cached, reasoning: inclusive, as the ledger keeps them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an answer. `reported`: all that the answer has reported when they are sent."""

    data: bytes
    reported: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """The tokens of one answer, as this provider counts them: never more than a request's bytes and `LONGEST`."""

    fresh: int
    cached: int
    visible: int
    hidden: int

    @classmethod
    def of(cls, spec: Spec, attempt: int) -> "Meter":
        rng = random.Random(f"{spec.key} {attempt}")
        cached = rng.choice([0, 0, rng.randint(1, 30)])
        hidden = rng.choice([0, 0, rng.randint(1, 200)])
        return cls(rng.randint(5, 50), cached, spec.words + rng.randint(0, 50), hidden)

    def tokens(self, *, answer: bool = True, visible: int | None = None) -> Tokens:
        prompt = self.fresh + self.cached
        completion = (self.visible if visible is None else visible) + self.hidden if answer else 0
        return prompt, completion, prompt + completion, self.cached, self.hidden if answer else 0

    def openai(self) -> dict[str, Any]:
        prompt, completion, total, cached, hidden = self.tokens()
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": hidden},
        }

    def responses(self) -> dict[str, Any]:
        prompt, completion, total, cached, hidden = self.tokens()
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": hidden},
            "total_tokens": total,
        }

    def gemini(self, visible: int) -> dict[str, Any]:
        prompt, _, total, cached, hidden = self.tokens(visible=visible)
        return {
            "promptTokenCount": prompt,
            "cachedContentTokenCount": cached,
            "candidatesTokenCount": visible,
            "thoughtsTokenCount": hidden,
            "totalTokenCount": total,
        }


def whole(api: str, spec: Spec, meter: Meter, *, reports: bool = True) -> Piece:
    """The answer in one piece."""
    text, tokens = "".join(spec.answer), meter.tokens()
    body: dict[str, Any]
    match api:
        case "chat.completions":
            message = {"role": "assistant", "content": text}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            body = {"id": "c", "object": "chat.completion", "model": MODELS[api], "choices": choices}
            body["usage"] = meter.openai()
        case "responses":
            body = {**_response(spec, "completed", text), "usage": meter.responses()}
        case "messages":
            # Thinking is part of its output and not told apart.
            _, completion, _, cached, _ = tokens
            tokens = (*tokens[:4], 0)
            body = {"id": "m", "type": "message", "role": "assistant", "model": MODELS[api]}
            body |= {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
            body["usage"] = {
                "input_tokens": meter.fresh,
                "cache_read_input_tokens": cached,
                "output_tokens": completion,
            }
        case "generateContent":
            body = _candidates(text, finish="STOP")
            body["usageMetadata"] = meter.gemini(meter.visible)
        case "embeddings":
            prompt = meter.fresh
            tokens = (prompt, 0, prompt, 0, 0)
            body = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]}
            body |= {"model": MODELS[api], "usage": {"prompt_tokens": prompt, "total_tokens": prompt}}
        case _:
            return Piece(json.dumps({"input_tokens": meter.fresh}).encode())
    if not reports:
        body.pop("usage", None)
        body.pop("usageMetadata", None)
    return Piece(json.dumps(body).encode(), tokens if reports else None)


def error_in_200(api: str, spec: Spec, meter: Meter) -> Piece:
    """An error that says 200, and what it cost."""
    answer = whole(api, spec, meter)
    body = json.loads(answer.data)
    usage = {name: body[name] for name in ("usage", "usageMetadata") if name in body}
    error = {"message": "The model is overloaded.", "type": "overloaded_error", "code": 529}
    return Piece(json.dumps({"type": "error", "error": error, **usage}).encode(), answer.reported)


def stream(api: str, spec: Spec, meter: Meter, *, usage: bool, fails: bool = False) -> list[Piece]:
    """The answer as server-sent events: `fails` with an error in the middle, which ends it."""
    pieces = _STREAMS[api](spec, meter, usage=usage)
    if not fails:
        return pieces
    middle = len(pieces) // 2
    error: dict[str, Any] = {"error": {"message": "The model is overloaded.", "type": "overloaded_error"}}
    if api == "responses":
        failed = _response(spec, "failed", "") | error
        event = _named({"type": "response.failed", "response": failed})
    elif api == "messages":
        event = _named({"type": "error", **error})
    else:
        event = _event(error)
    return [*pieces[:middle], Piece(event, pieces[middle - 1].reported)]


def _chat(spec: Spec, meter: Meter, *, usage: bool) -> list[Piece]:
    def chunk(delta: dict[str, str], finish: str | None = None) -> Piece:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return Piece(
            _event({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})
        )

    pieces = [chunk({"role": "assistant", "content": ""})]
    pieces += [chunk({"content": word}) for word in spec.answer]
    pieces.append(chunk({}, "stop"))
    reported = meter.tokens() if usage else None
    if usage:
        said = {"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": meter.openai()}
        pieces.append(Piece(_event(said), reported))
    return [*pieces, Piece(b"data: [DONE]\n\n", reported)]


def _responses(spec: Spec, meter: Meter, *, usage: bool) -> list[Piece]:
    begun = _response(spec, "in_progress", "")
    pieces = [Piece(_named({"type": "response.created", "response": begun}))]
    for word in spec.answer:
        delta = {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "delta": word}
        pieces.append(Piece(_named({**delta, "content_index": 0})))
    done = _response(spec, "completed", "".join(spec.answer))
    if usage:
        done["usage"] = meter.responses()
    event = _named({"type": "response.completed", "response": done})
    return [*pieces, Piece(event, meter.tokens() if usage else None)]


def _messages(spec: Spec, meter: Meter, *, usage: bool) -> list[Piece]:
    prompt, completion, total, cached, _ = meter.tokens()
    first, last = (prompt, 1, prompt + 1, cached, 0), (prompt, completion, total, cached, 0)
    message: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m"}
    if usage:
        begun = {"input_tokens": meter.fresh, "cache_read_input_tokens": cached, "output_tokens": 1}
        message["usage"] = begun
    state = first if usage else None
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    pieces = [
        Piece(_named({"type": "message_start", "message": message}), state),
        Piece(_named(block), state),
    ]
    for word in spec.answer:
        delta = {"type": "text_delta", "text": word}
        pieces.append(Piece(_named({"type": "content_block_delta", "index": 0, "delta": delta}), state))
    pieces.append(Piece(_named({"type": "content_block_stop", "index": 0}), state))
    over: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    if usage:
        over["usage"] = {"output_tokens": completion}
        state = last
    return [*pieces, Piece(_named(over), state), Piece(_named({"type": "message_stop"}), state)]


def _gemini(spec: Spec, meter: Meter, *, usage: bool) -> list[Piece]:
    pieces: list[Piece] = []
    for number, word in enumerate(spec.answer, 1):
        last = number == spec.words
        visible = meter.visible if last else number
        body = _candidates(word, finish="STOP" if last else None)
        if usage:
            body["usageMetadata"] = meter.gemini(visible)
        pieces.append(Piece(_event(body), meter.tokens(visible=visible) if usage else None))
    return pieces


_STREAMS = {
    "chat.completions": _chat,
    "responses": _responses,
    "messages": _messages,
    "generateContent": _gemini,
}


def _response(spec: Spec, status: str, text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    output = [{"type": "message", "id": "i", "role": "assistant", "status": "completed", "content": content}]
    body = {"id": "r", "object": "response", "status": status, "model": "m", "error": None}
    return body | {"output": output if text else []}


def _candidates(text: str, *, finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m"}


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _named(body: dict[str, Any]) -> bytes:
    return f"event: {body['type']}\n".encode() + _event(body)
