"""Streams split at their terminal event: no byte is lost or moved, wherever the network cuts."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.gateway.transcript.usage_chunk import UsageChunkFilter
from support.gateway.transcripts import stream_end

_CHAT = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
_STREAMS = {
    "chat.completions": (
        b": hello\n\n" + _CHAT % b"say data: [DONE] or [DONE]" + _CHAT % b"\\ndata: [DONE]\\n",
        b"data: [DONE]\n\n",
    ),
    "completions": (b'data: {"choices":[{"text":"[DONE]"}]}\n\nid: 3\n', b"data:[DONE]\n\n"),
    "messages": (
        (
            b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
            b"event: content_block_delta\n"
            b'data: {"type":"content_block_delta","delta":{"text":"message_stop"}}\n\n'
            b'event: ping\ndata: {"type":"ping"}\n\n'
            b'event: message_delta\ndata: {"type":"message_delta","usage":{}}\n\n'
        ),
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ),
    "responses": (
        (
            b"event: response.output_text.delta\n"
            b'data: {"type":"response.output_text.delta","delta":"response.completed"}\n\n'
        ),
        b'event: response.completed\ndata: {"type":"response.completed","response":{"output":[]}}\n\n',
    ),
    "streamGenerateContent": (
        b'data: {"candidates":[{"content":{"parts":[{"text":"finishReason"}]}}]}\r\n\r\n',
        b'data: {"candidates":[{"content":{"parts":[{"text":"."}]},"finishReason":"STOP"}]}\r\n\r\n',
    ),
    "ollama.chat": (
        b'{"message":{"content":"\\"done\\":true"},"done":false}\n',
        b'{"message":{"content":""},"done":true}\n',
    ),
    "cohere.chat": (
        (
            b"event: content-delta\n"
            b'data: {"type":"content-delta","delta":{"message":{"content":{"text":"message-end"}}}}\n\n'
        ),
        b'event: message-end\ndata: {"type":"message-end"}\n\ndata: [DONE]\n\n',
    ),
    "audio.transcriptions": (
        (
            b"event: transcript.text.delta\n"
            b'data: {"type":"transcript.text.delta","delta":"transcript.text.done"}\n\n'
        ),
        b'event: transcript.text.done\ndata: {"type":"transcript.text.done","text":""}\n\n',
    ),
}
_ARRAY = (
    b'[{\n  "candidates": [{"content": {"parts": [{"text": "}, {\\"finishReason: [\\\\"}]}}]\n}\n,\r\n',
    b'{\n  "candidates": [{"content": {"parts": [{"text": "."}]}, "finishReason": "STOP"}]\n}\n]',
)
_CASES = [(api, *parts) for api, parts in _STREAMS.items()] + [("streamGenerateContent", *_ARRAY)]
_CASES += [
    (api, before.replace(b"\n", b"\r\n"), last.replace(b"\n", b"\r\n"))
    for api, (before, last) in _STREAMS.items()
    if b"\r" not in before
]


@pytest.mark.parametrize(("api", "before", "last"), _CASES)
def test_exactly_the_terminal_event_waits_wherever_it_is_cut(api, before, last):
    raw = before + last
    for cut in range(len(raw) + 1):
        end = stream_end(api)
        released = end.feed(raw[:cut]) + end.feed(raw[cut:])
        assert (released, end.begun, end.complete) == (before, True, True), cut
        assert end.rest() == last
    end = stream_end(api)
    assert b"".join(end.feed(raw[at : at + 1]) for at in range(len(raw))) == before
    assert (end.begun, end.complete, end.rest()) == (True, True, last)
    assert end.feed(b"later") == b"later"


@pytest.mark.parametrize(("api", "before", "last"), _CASES)
def test_it_is_complete_when_its_last_byte_is_there_and_not_before(api, before, last):
    end = stream_end(api)
    end.feed(before)
    end.feed(last[: len(last) // 2])
    assert not end.complete
    end.feed(last[len(last) // 2 :])
    assert end.complete


def test_an_unfinished_line_goes_at_once_when_it_cannot_be_the_last():
    cases = [
        ("chat.completions", b'data: {"choices":[{"delta":{"content":"a'),
        ("chat.completions", b"data: [DONX"),
        ("chat.completions", b": keep-alive"),
        ("messages", b"event: message_start"),
        ("messages", b'event: content_block_delta\ndata: {"type":"content_block_del'),
        ("responses", b'event: response.output_text.delta\ndata: {"type":"response.output_te'),
        ("messages", b": keep-alive"),
    ]
    for api, raw in cases:
        assert stream_end(api).feed(raw) == raw
        end = stream_end(api)
        assert b"".join(end.feed(raw[at : at + 1]) for at in range(len(raw)))[-1:] == raw[-1:] or end.rest()
    waits = [
        ("chat.completions", b"data: [D"),
        ("messages", b"event: message_st"),
        ("messages", b'data: {"type":'),
        ("responses", b"event: response.compl"),
    ]
    for api, raw in waits:
        end = stream_end(api)
        assert end.feed(b"\n\n" + raw) == b"\n\n"
        assert not end.begun
        assert end.rest() == raw


def test_terminal_events_without_an_event_line_or_with_their_type_last():
    for api, last in [
        ("messages", b'data: {"type": "message_stop"}\n\n'),
        (
            "responses",
            b'data: {"sequence_number":9,"response":{"output":[]},"type":"response.incomplete"}\n\n',
        ),
        ("responses", b'event: message\ndata: {"type":"response.failed"}\n\n'),
    ]:
        end = stream_end(api)
        released = b"".join(end.feed(last[at : at + 9]) for at in range(0, len(last), 9))
        assert end.complete
        assert released + end.rest() == last
        assert b"data:" not in released


def test_chunks_of_gemini_that_all_claim_to_be_the_last_pass_one_behind():
    def chunk(text):
        one = {"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}
        return b"data: " + json.dumps({"candidates": [one]}).encode() + b"\r\n\r\n"

    end = stream_end("streamGenerateContent")
    assert end.feed(chunk("a")) == b""
    assert end.feed(chunk("b")) == chunk("a")
    tail = b'data: {"usageMetadata":{"totalTokenCount":3}}\r\n\r\n'
    assert end.feed(tail) == b""
    assert end.rest() == chunk("b") + tail


def test_apis_without_streams_let_everything_pass():
    assert stream_end("embeddings").feed(b"data: [DONE]") == b"data: [DONE]"


def test_a_stream_without_terminal_event_goes_whole():
    end = stream_end("chat.completions")
    assert end.feed(_CHAT % b"a") == _CHAT % b"a"
    assert (end.begun, end.rest()) == (False, b"")


_TOKENS = [
    b"data:", b"data: ", b"event: ", b"event: message_stop", b"event: message_start\n", b"message_stop",
    b"[DONE]", b"\n", b"\n\n", b"\r\n", b"\r", b": ping", b'{"type":"message_stop"}',
    b'{"type":"response.completed"}', b"{", b"}", b"[", b"]", b'"', b"\\",
    b'{"candidates":[{"finishReason":"STOP"}]}', b"finishReason", b'"parts"', b"true", b'{"done":true}',
    b'{"choices":[],"usage":{}}', b'"usage"', b"[]", b"x", b" ", b"\xff", b"response.completed",
]  # fmt: skip
_words = st.sampled_from(_TOKENS)
_cuts = st.lists(st.lists(_words | st.binary(max_size=4), max_size=12).map(b"".join), max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*_STREAMS, "audio.speech", "images.generations", "embeddings"]), _cuts)
def test_no_byte_is_lost_or_moved(api, chunks):
    end = stream_end(api)
    assert b"".join(map(end.feed, chunks)) + end.rest() == b"".join(chunks)


@settings(max_examples=300, deadline=None)
@given(_cuts)
def test_the_split_does_not_depend_on_the_cuts(chunks):
    for api in ("chat.completions", "messages", "streamGenerateContent", "ollama.chat"):
        whole, pieces = stream_end(api), stream_end(api)
        released = whole.feed(b"".join(chunks))
        in_pieces = b"".join(map(pieces.feed, chunks))
        assert whole.begun == pieces.begun
        if whole.begun:
            assert (released, whole.rest()) == (in_pieces, pieces.rest())


_USAGE = b'data: {"id":"c","choices": [ ],"usage": {"prompt_tokens": 3}}'
_KEPT = [
    _CHAT % b'\\"usage\\":{},\\"choices\\":[]',
    b'data: {"choices":[],"prompt_filter_results":[{}]}\n\n',
    b'data: {"choices":[],"usage":null,"prompt_filter_results":[{}]}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[]}}],"usage":{"prompt_tokens":3}}\n\n',
    b'data: {"choices":[],"usage":{},"error":{"message":"x"}}\n\n',
    b": keep-alive\n\n",
    b"data: [DONE]\n\n",
]


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize(
    "usage",
    [
        _USAGE,
        b'data:{"usage":{"prompt_tokens":3},"choices":[]}',
        b'data: {"choices":[\t],\t"usage":{}, "obfuscation": "[]"}',
        b'event: chunk\nid: 4\ndata: {"choices":[],"usage":{"total_tokens":1}}',
        b'data: {"choices":[],"x_groq":{"usage":{"total_tokens":1}}}',
    ],
)
def test_the_usage_chunk_is_hidden_and_nothing_else(ending, usage):
    kept = [event.replace(b"\n\n", ending) for event in _KEPT]
    raw = b"".join([*kept[:3], usage.replace(b"\n", ending[: len(ending) // 2]) + ending, *kept[3:]])
    for size in (1, 2, 3, 5, 11, 64, 5000):
        chunks = UsageChunkFilter()
        out = b"".join(chunks.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + chunks.rest()
        assert out == b"".join(kept), size


def test_a_usage_chunk_without_its_empty_line_is_hidden_at_the_end():
    chunks = UsageChunkFilter()
    assert chunks.feed(_CHAT % b"a" + _USAGE) == _CHAT % b"a"
    assert chunks.rest() == b""


def test_a_comment_does_not_wait():
    assert UsageChunkFilter().feed(b": keep-alive\n") == b": keep-alive\n"


@settings(max_examples=300, deadline=None)
@given(_cuts)
def test_the_filter_loses_and_moves_nothing_else(chunks):
    raw = b"".join(chunks)
    hidden = UsageChunkFilter()
    out = b"".join(map(hidden.feed, chunks)) + hidden.rest()
    if b'"choices"' not in raw:
        assert out == raw
    again = UsageChunkFilter()
    assert again.feed(raw) + again.rest() == out
