"""Every API answers every question that the gateway asks of one.

Each is shown by an example exchange of 3 tokens in its prompt and, if a model writes, 2 in its answer.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked
from daybook.gateway.apis.table import APIS, leading, named, route_of
from daybook.gateway.apis.transcripts import answer_of_body, answer_of_stream, request_parts
from daybook.gateway.transcript.stream_end import StreamEnd
from daybook.gateway.transcript.terminal_events import Scanner
from daybook.redaction import Redact, redact_bytes
from llm_tracker.usage import Usage, UsageReader, usage_from_response
from support.gateway.upstream import sse

TEXTS = ("Noon", ".")
SECRET = ("key sk-aB3dE5gH", "7jK9mN1pQ3sT5v")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
PROMPT_USAGE = {"prompt_tokens": 3, "total_tokens": 3}
INPUT_OUTPUT = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
GEMINI_USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
OLLAMA_USAGE = {"prompt_eval_count": 3, "eval_count": 2}
COHERE_USAGE = {"tokens": {"input_tokens": 3, "output_tokens": 2}}
TALK = [{"role": "user", "content": "When?"}]


@dataclass(frozen=True)
class Example:
    """An exchange. `maximum` is the member by which the request's answer is bounded."""

    question: Any
    request: dict[str, Any]
    whole: Any
    stream: Callable[[Sequence[str]], list[bytes]] | None = None
    terminal: bytes = b""
    tokens: tuple[int, int] | None = (3, 2)
    text: str | None = "Noon."
    maximum: str | None = None


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def chat_stream(texts):
    pieces = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    return sse(*pieces, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE})


def completion_stream(texts):
    pieces = [{"choices": [{"index": 0, "text": text}]} for text in texts]
    return sse(*pieces, {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}], "usage": USAGE})


def response(text):
    said = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    return {"object": "response", "status": "completed", "output": [said], "usage": INPUT_OUTPUT}


def responses_stream(texts):
    pieces = [
        event("response.output_text.delta", output_index=0, content_index=0, delta=one) for one in texts
    ]
    last = event("response.completed", response=response("".join(texts)))
    return sse(*pieces, last, event_names=True, done=False)


def messages_stream(texts):
    start = {"type": "message", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}
    pieces = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) for text in texts
    ]
    return sse(
        event("message_start", message=start),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *pieces,
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
        event("message_stop"),
        event_names=True,
        done=False,
    )


def candidate(text, **more):
    return {"candidates": [{"content": {"parts": [{"text": text}]}, **more}]}


def gemini_stream(texts):
    *pieces, last = texts
    end = {**candidate(last, finishReason="STOP"), "usageMetadata": GEMINI_USAGE}
    return sse(*map(candidate, pieces), end, done=False)


def transcription_stream(texts):
    pieces = [event("transcript.text.delta", delta=text) for text in texts]
    return sse(*pieces, event("transcript.text.done", text="".join(texts), usage=INPUT_OUTPUT), done=False)


def speech_stream(_texts):
    return sse(
        event("speech.audio.delta", audio="AA=="), event("speech.audio.done", usage=INPUT_OUTPUT), done=False
    )


def image_stream(_texts):
    partial = event("image_generation.partial_image", partial_image_index=0)
    return sse(partial, event("image_generation.completed", b64_json="AA==", usage=INPUT_OUTPUT), done=False)


def ollama_stream(put):
    def stream(texts):
        lines = [*({**put(text), "done": False} for text in texts), {**put(""), "done": True, **OLLAMA_USAGE}]
        return [json.dumps(line).encode() + b"\n" for line in lines]

    return stream


def cohere_stream(texts):
    pieces = [
        event("content-delta", index=0, delta={"message": {"content": {"text": text}}}) for text in texts
    ]
    end = event("message-end", delta={"finish_reason": "COMPLETE", "usage": COHERE_USAGE})
    return sse(
        event("message-start", id="1", delta={"message": {"role": "assistant"}}),
        *pieces,
        end,
        event_names=True,
        done=False,
    )


def ollama_chat(text):
    return {"model": "m", "message": {"role": "assistant", "content": text}}


def ollama_generate(text):
    return {"model": "m", "response": text}


COUNTED = Example(TALK, {"messages": TALK}, {"input_tokens": 3}, tokens=None, text=None)
VECTOR = Example("When?", {"input": "When?"}, {}, tokens=(3, 0), text=None)
VERTEX = {"usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}
PICTURE = Example(
    "Noon",
    {"prompt": "Noon"},
    {"data": [{"b64_json": "AA=="}], "usage": INPUT_OUTPUT},
    image_stream,
    b"image_generation.completed",
    text=None,
)
SPOKEN = Example(
    {"file": "<file, 99 bytes>"},
    {"file": "<file, 99 bytes>"},
    {"text": "Noon.", "usage": INPUT_OUTPUT},
    transcription_stream,
    b"transcript.text.done",
)
GEMINI = Example(
    {"contents": TALK},
    {"contents": TALK},
    {**candidate("Noon.", finishReason="STOP"), "usageMetadata": GEMINI_USAGE},
    gemini_stream,
    b"finishReason",
    maximum="generationConfig",
)
WRITTEN = {"choices": [{"message": {"content": "Noon."}, "finish_reason": "stop"}], "usage": USAGE}
MESSAGE = {"type": "message", "content": [{"type": "text", "text": "Noon."}], "usage": INPUT_OUTPUT}

EXAMPLES = {
    "chat/completions": Example(
        TALK, {"messages": TALK}, WRITTEN, chat_stream, b"[DONE]", maximum="max_tokens"
    ),
    "completions": Example(
        "When?",
        {"prompt": "When?"},
        {"choices": [{"text": "Noon."}], "usage": USAGE},
        completion_stream,
        b"[DONE]",
        maximum="max_tokens",
    ),
    "responses": Example(
        {"input": "When?"},
        {"input": "When?"},
        response("Noon."),
        responses_stream,
        b"response.completed",
        maximum="max_output_tokens",
    ),
    "responses/input_tokens": Example(
        {"input": "When?"}, {"input": "When?"}, {"input_tokens": 3}, tokens=None, text=None
    ),
    "embeddings": Example(
        "When?",
        {"input": "When?"},
        {"data": [{"embedding": [0.1, 0.2]}], "usage": PROMPT_USAGE},
        tokens=(3, 0),
        text=None,
    ),
    "moderations": Example(
        "When?",
        {"input": "When?"},
        {"results": [{"flagged": False}], "usage": PROMPT_USAGE},
        tokens=(3, 0),
        text=None,
    ),
    "images/generations": PICTURE,
    "images/edits": PICTURE,
    "audio/transcriptions": SPOKEN,
    "audio/translations": SPOKEN,
    "audio/speech": Example(
        {"input": "Noon."}, {"input": "Noon."}, b"ID3 sound", speech_stream, b"speech.audio.done", text=None
    ),
    "rerank": Example(
        {"query": "When?", "documents": ["Noon"]},
        {"query": "When?", "documents": ["Noon"]},
        {"results": [{"index": 0}], "meta": {"tokens": {"input_tokens": 3}}},
        tokens=(3, 0),
        text=None,
    ),
    "messages": Example(
        {"messages": TALK},
        {"messages": TALK},
        MESSAGE,
        messages_stream,
        b"message_stop",
        maximum="max_tokens",
    ),
    "messages/count_tokens": Example(
        {"messages": TALK}, {"messages": TALK}, {"input_tokens": 3}, tokens=None, text=None
    ),
    "generateContent": GEMINI,
    "streamGenerateContent": GEMINI,
    "embedContent": Example(
        "When?",
        {"content": "When?"},
        {"embedding": {"values": [0.1, 0.2]}, **VERTEX},
        tokens=(3, 0),
        text=None,
    ),
    "batchEmbedContents": Example(
        ["When?"],
        {"requests": ["When?"]},
        {"embeddings": [{"values": [0.1, 0.2]}], **VERTEX},
        tokens=(3, 0),
        text=None,
    ),
    "countTokens": Example(
        {"contents": TALK}, {"contents": TALK}, {"totalTokens": 3}, tokens=None, text=None
    ),
    "api/chat": Example(
        TALK,
        {"messages": TALK},
        {**ollama_chat("Noon."), "done": True, **OLLAMA_USAGE},
        ollama_stream(ollama_chat),
        b'"done": true',
        maximum="options",
    ),
    "api/generate": Example(
        {"prompt": "When?"},
        {"prompt": "When?"},
        {**ollama_generate("Noon."), "done": True, **OLLAMA_USAGE},
        ollama_stream(ollama_generate),
        b'"done": true',
        maximum="options",
    ),
    "chat": Example(
        TALK,
        {"messages": TALK},
        {"message": {"content": [{"type": "text", "text": "Noon."}]}, "usage": COHERE_USAGE},
        cohere_stream,
        b"message-end",
        maximum="max_tokens",
    ),
}

every_api = pytest.mark.parametrize("api", APIS, ids=lambda api: api.tail)
every_stream = pytest.mark.parametrize(
    "api", [api for api in APIS if api.terminal is not Scanner], ids=lambda api: api.tail
)


def example_of(api: Api) -> Example:
    assert api.tail in EXAMPLES, "add an example exchange of the new API"
    return EXAMPLES[api.tail]


def usage_of(tokens: tuple[int, int] | None) -> Usage | None:
    return None if tokens is None else Usage(*tokens, sum(tokens))


def stream_of(api: Api, texts: Sequence[str]) -> bytes:
    stream = example_of(api).stream
    assert stream is not None
    return b"".join(stream(texts))


@every_api
def test_streams_are_either_there_or_have_no_end(api):
    assert (example_of(api).stream is None) == (api.terminal is Scanner)


@every_api
def test_usage_of_a_whole_answer(api):
    example = example_of(api)
    if isinstance(example.whole, bytes):
        assert api.binary
        return
    assert usage_from_response(api.usage, example.whole) == usage_of(example.tokens)
    assert (example.tokens is not None) == api.line == api.usage.is_counted
    assert api.usage.has_text or example.text is None


@every_stream
def test_usage_of_a_stream(api):
    reader = UsageReader(api.usage)
    for byte in stream_of(api, TEXTS):
        reader.feed(bytes([byte]))
    assert reader.finish() == usage_of(example_of(api).tokens)


@every_api
def test_transcript_of_the_request(api):
    example = example_of(api)
    assert request_parts(api, {"model": "m", **example.request}) == (example.question, {"model": "m"})


@every_api
def test_transcript_of_a_whole_answer(api):
    example = example_of(api)
    answer = answer_of_body(api, example.whole)
    assert (answer.text, answer.error, answer.finished) == (example.text, None, True)


@every_stream
def test_transcript_of_a_stream(api):
    raw = stream_of(api, TEXTS)
    answer = answer_of_stream(api, raw)
    assert (answer.text, answer.error, answer.finished) == (example_of(api).text, None, True)
    assert usage_from_response(api.usage, answer.data) == usage_of(example_of(api).tokens)


@every_stream
def test_end_of_a_stream(api):
    raw, end = stream_of(api, TEXTS), StreamEnd(api.terminal())
    released = b"".join(end.feed(bytes([byte])) for byte in raw)
    assert end.begun
    assert example_of(api).terminal not in released
    rest = end.rest()
    assert example_of(api).terminal in rest
    assert released + rest == raw


@every_api
def test_bound(api):
    example = example_of(api)
    request = {"model": "m", **example.request}
    size = len(json.dumps(request))
    bound = api.bound(Asked.of(request, size))
    prompt, completion = example.tokens or (3, 0)
    assert bound.prompt_tokens >= prompt
    assert bound.completion_tokens >= completion
    assert list(bound.changes) == ([] if example.maximum is None else [example.maximum])
    again = api.bound(Asked.of({**request, **bound.changes}, size))
    assert (again.completion_tokens, again.changes) == (bound.completion_tokens, {})


@every_stream
def test_redaction_of_a_secret_across_events(api):
    raw = stream_of(api, SECRET)
    if example_of(api).text is None:
        assert SECRET[0].encode() not in raw
        return
    clean = redact_bytes(Redact.SECRETS, raw, api.streamed_text)
    assert answer_of_stream(api, clean).text == "key [redacted: API key]"
    assert SECRET[1].encode() not in clean


@every_api
def test_errors(api):
    body = api.family.error_body(429, "too_much", "Wait a minute.", None)
    assert "Wait a minute." in json.dumps(body)
    assert answer_of_body(api, body, status=429).error == "Wait a minute."


@every_stream
def test_error_as_the_end_of_a_stream(api):
    raw = stream_of(api, TEXTS).partition(b"\n\n")[0] + api.stream_error(
        "text/event-stream", "too_much", "Wait a minute."
    )
    answer = answer_of_stream(api, raw)
    assert answer.error == "Wait a minute."


@every_api
def test_models_of_its_family(api):
    model = api.family.model("some-model", "main")
    assert "some-model" in json.dumps(api.family.model_list([model]))
    assert leading(api.family).family is api.family


@every_api
def test_its_path_leads_to_it_and_its_name_is_known_to_journals(api):
    path = f"/v1beta/models/m:{api.tail}" if api.family.names_model_in_path else f"/v1/{api.tail}"
    route = route_of("POST", path)
    assert (route.api is api) == api.is_routed
    assert named(api.name).usage is api.usage


@pytest.mark.parametrize("name", ["dashscope.generation", "models", "of an older version"])
def test_calls_of_apis_that_the_gateway_does_not_know_are_still_recorded(name):
    api, answer = named(name), {"output": {"text": "Noon."}, "usage": INPUT_OUTPUT}
    assert api.name == name
    assert request_parts(api, {"input": "When?"}) == ({}, {"input": "When?"})
    assert answer_of_body(api, answer).data == answer
    assert usage_from_response(api.usage, answer) == (
        usage_of((3, 2)) if name == "dashscope.generation" else None
    )
