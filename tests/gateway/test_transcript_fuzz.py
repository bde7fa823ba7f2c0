"""No answer or request makes the shipper raise, or write an unstorable value."""

import json
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.gateway.transcript.provider_errors import error_of_body
from support.gateway.transcripts import answer_of_body, answer_of_stream, request_parts

_APIS = [
    "chat.completions", "completions", "responses", "embeddings", "audio.transcriptions", "audio.speech",
    "images.generations", "messages", "count_tokens", "generateContent", "streamGenerateContent",
    "ollama.chat", "ollama.generate", "cohere.chat", "rerank", "moderations",
    "models", "unknown",
]  # fmt: skip
_KEYS = [
    "type", "index", "delta", "choices", "message", "content", "text", "tool_calls", "function",
    "arguments", "id", "logprobs", "usage", "error", "candidates", "parts", "finishReason",
    "content_block", "partial_json", "citation", "response", "output", "output_index", "content_index",
    "item", "part", "summary_index", "done", "model", "x_groq", "reasoning_details", "audio", "data",
    "finish_reason", "status", "code", "errors", "success", "detail", "input", "role", "thinking",
    "annotation", "citations", "promptFeedback", "blockReason", "transcript", "images", "refusal",
    "thought", "thoughtSignature", "event_type", "object", "messages", "metadata", "raw", "annotations",
]  # fmt: skip
_WORDS = [
    "text", "message_start", "content_block_delta", "content_block_start", "input_json_delta",
    "citations_delta", "text_delta", "thinking_delta", "message_delta", "message_stop", "message-start",
    "content-delta", "message-end", "text-generation", "response.completed", "response.output_text.delta",
    "response.content_part.added", "response.function_call_arguments.delta", "response.output_item.added",
    "response.output_text.annotation.added", "response.output_item.done", "output_text", "message",
    "thinking", "refusal", "error", "failed", "null", "stop", "reasoning.text", "transcript.text.delta",
    "transcript.text.done", "tool_use", "", "\0", "\ud800", "{", "chat.completion.chunk",
]  # fmt: skip
_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 2)
    | st.floats()
    | st.sampled_from(_WORDS)
    | st.text(max_size=5)
)
_values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6),
    max_leaves=25,
)
_events = st.lists(st.dictionaries(st.sampled_from(_KEYS), _values, max_size=8), max_size=5)
_noise = st.lists(
    st.binary(max_size=20)
    | st.sampled_from([b"data:", b"event: error\n", b"\n", b"\r\n", b"[", b"{", b'"', b"[DONE]"]),
    max_size=8,
).map(b"".join)


def _check(answer):
    orjson.dumps([answer.data, answer.text, answer.model, answer.error])
    assert "\0" not in (answer.text or "") + (answer.model or "") + (answer.error or "")
    assert b"\\u0000" not in orjson.dumps(answer.data).replace(b"\\\\", b"")
    assert isinstance(answer.finished, bool)
    assert answer.error != ""


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_APIS), _events, st.sampled_from(["sse", "lines", "array"]), _noise)
def test_streams_of_any_content(api, events, framing, noise):
    texts = [json.dumps(event) for event in events]
    raw = {
        "sse": "".join(f"data: {text}\n\n" for text in texts),
        "lines": "\n".join(texts),
        "array": f"[{','.join(texts)}]",
    }[framing].encode()
    _check(answer_of_stream(api, raw))
    _check(answer_of_stream(api, raw + noise))
    _check(answer_of_stream(api, noise + raw[:-3]))


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(_APIS), _values, st.sampled_from([200, 400, 503]), _noise)
def test_bodies_of_any_content(api, body, status, noise):
    _check(answer_of_body(api, body, status=status))
    _check(answer_of_body(api, json.dumps(body).encode(), status=status))
    _check(answer_of_body(api, noise, status=status))
    assert error_of_body(body)
    messages, params = request_parts(api, body)
    assert messages is not None
    orjson.dumps([messages, params])
    orjson.dumps(request_parts(api, noise))


@pytest.mark.parametrize("api", _APIS)
@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"choices":' * 50_000,
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: {"choices":[{"index":1e400}]}\n\n',
        b'data: {"choices":[{"index":999999999999,"delta":{"content":"x"}}]}\n\n',
        b'data: {"usage":' + b"9" * 5000 + b"}\n\n",
        b"<" * 100_000,
        b"<script" * 20_000,
        b"data:" * 50_000,
        b"\n" * 200_000,
        b"data: {}\n\n" * 20_000,
        b"data:image/png;base64," * 10_000,
    ],
)
def test_nothing_hostile_takes_long(api, raw):
    started = time.process_time()
    _check(answer_of_stream(api, raw))
    _check(answer_of_body(api, raw, status=500))
    request_parts(api, {"messages": raw.decode(), "input": raw.decode(), "contents": raw.decode()})
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("api", "event"),
    [
        ("chat.completions", {"choices": [{"delta": {"content": "%s", "reasoning": "%s"}}]}),
        (
            "chat.completions",
            {"choices": [{"delta": {"reasoning_details": [{"type": "reasoning.text", "text": "%s"}]}}]},
        ),
        ("chat.completions", {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "%s"}}]}}]}),
        ("messages", {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "%s"}}),
        ("responses", {"type": "response.output_text.delta", "output_index": 0, "delta": "%s"}),
        ("streamGenerateContent", {"candidates": [{"content": {"parts": [{"text": "%s"}]}}]}),
        ("ollama.generate", {"response": "%s"}),
    ],
)
def test_long_streams_are_not_copied_for_each_piece(api, event):
    count, piece = 14_000, "x" * 500
    raw = b"data: " + json.dumps(event).replace("%s", piece).encode() + b"\n\n"
    started = time.process_time()
    answer = answer_of_stream(api, raw * count)
    assert time.process_time() - started < 4  # copying the text for each piece would be 50 GB
    assert len(json.dumps(answer.data)) > count * len(piece)
