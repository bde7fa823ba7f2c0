"""The one exchange that every target carries: a question, and a provider's answer to it, whole and streamed.

The client does not ask its stream for usage, as most programs do not, and the provider sends it all the same:
a gateway that records must read it, and may hide that chunk from the client.
"""

import json
from typing import Any, Literal

Mode = Literal["plain", "stream"]
MODES: tuple[Mode, ...] = ("plain", "stream")

ANSWER = (
    "A day book is where an accountant first writes down every transaction as it happens and it is "
    "also a diary in which a person writes at night"
)
WORDS = ANSWER.split()
USAGE = {
    "prompt_tokens": 57,
    "completion_tokens": len(WORDS) + 3,
    "total_tokens": 57 + len(WORDS) + 3,
    "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}


def model(mode: Mode) -> str:
    """The model that a client names; the targets choose the upstream by it."""
    return f"bench-{mode}"


def request_body(mode: Mode) -> bytes:
    """What a client sends: about half a kilobyte."""
    body: dict[str, Any] = {
        "model": model(mode),
        "messages": [
            {
                "role": "system",
                "content": "You are a patient teacher of bookkeeping. Answer in plain words and in one "
                "sentence. Give no lists, no headings and no advice that was not asked for. Where a word has "
                "an everyday meaning beside its technical one, name both, the technical one first.",
            },
            {
                "role": "user",
                "content": "What is a day book, and why would a gateway for models be called one?",
            },
        ],
        "temperature": 0.2,
        "max_tokens": 256,
    }
    if mode == "stream":
        body["stream"] = True
    return json.dumps(body).encode()


def answer_body(mode: Mode) -> str:
    """What the provider answers: one JSON object, or a chunk for each word, one with usage, and `[DONE]`."""
    if mode == "plain":
        message = {"role": "assistant", "content": ANSWER, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return json.dumps(_envelope(mode, "chat.completion", [choice], USAGE))
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word if number == 0 else f" {word}"} for number, word in enumerate(WORDS)]
    chunks = [_chunk(delta, None) for delta in deltas]
    chunks.append(_chunk({}, "stop"))
    chunks.append(_envelope(mode, "chat.completion.chunk", [], USAGE))
    return "".join(f"data: {json.dumps(each)}\n\n" for each in chunks) + "data: [DONE]\n\n"


def _chunk(delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _envelope("stream", "chat.completion.chunk", [choice], None)


def _envelope(mode: Mode, kind: str, choices: list[Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-bench0000000000000001",
        "object": kind,
        "created": 1700000000,
        "model": model(mode),
        "system_fingerprint": "fp_bench",
        "choices": choices,
        "usage": usage,
    }


def received_text(mode: Mode, body: str) -> str:
    """The answer's text as a client reads it; empty for a stream that was not ended by `[DONE]`.

    Raises ValueError, KeyError, IndexError or TypeError for what no client could read.
    """
    if mode == "plain":
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = [line.removeprefix("data:").strip() for line in body.splitlines() if line.startswith("data:")]
    if not events or events[-1] != "[DONE]":
        return ""
    parts: list[str] = []
    for event in events[:-1]:
        parts += [choice["delta"].get("content") or "" for choice in json.loads(event)["choices"]]
    return "".join(parts)
