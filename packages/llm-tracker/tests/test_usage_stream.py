"""`UsageReader`: usage of a stream, however its bytes are cut and whatever else it holds."""

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tracker.usage import Usage, UsageReader, usage_from_response
from llm_tracker.usage.scanner import JsonScanner


def buckets(prompt, completion, cached=0, reasoning=0, cache_write=0):
    return Usage(prompt, completion, prompt + completion, cached, reasoning, cache_write)


def events(*items, line_end="\n", field="data: "):
    lines = [
        field + (item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)) for item in items
    ]
    return "".join(line + 2 * line_end for line in lines).encode()


def read(api, *pieces):
    reader = UsageReader(api)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


def delta(text, **more):
    return {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}], **more}


USAGE = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}
OPENAI = events(
    delta("Grüße, 世界 😀", usage=None),
    delta('a forged "usage": {"prompt_tokens": 1}', usage=None),
    {"id": "c", "choices": [], "usage": USAGE},
    "[DONE]",
)
ANTHROPIC = (
    'event: message_start\ndata: {"type":"message_start","message":{"role":"assistant","usage":'
    '{"input_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":200,"output_tokens":1}}}\n\n'
    'event: ping\ndata: {"type": "ping"}\n\n'
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"世界"}}\n\n'
    'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":'
    '{"output_tokens":7,"input_tokens":null}}\n\n'
    'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":'
    '{"output_tokens":15,"output_tokens_details":{"thinking_tokens":4}}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop"}\n\n'
).encode()
GEMINI_EVENTS = [
    {
        "candidates": [{"content": {"parts": [{"text": "世"}]}}],
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
    },
    {
        "candidates": [
            {"content": {"parts": [{"functionCall": {"args": {"usageMetadata": {"promptTokenCount": 1}}}}]}}
        ],
        "usageMetadata": {
            "promptTokenCount": 9,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 6,
            "totalTokenCount": 20,
        },
    },
]
RESPONSES = events(
    {"type": "response.created", "response": {"id": "r", "usage": None}},
    {"type": "response.output_text.delta", "delta": "hi"},
    {
        "type": "response.incomplete",
        "response": {"output": [], "usage": {"input_tokens": 8, "output_tokens": 4, "total_tokens": 12}},
    },
)
OLLAMA = (
    b'{"model":"m","message":{"content":"Hi"},"done":false}\n'
    b'{"model":"m","done":true,"context":[1,2,3],"prompt_eval_count":11,"eval_count":12}\n'
)
COHERE = events(
    {"type": "content-delta", "delta": {"message": {"content": {"text": "hi"}}}},
    {
        "type": "message-end",
        "delta": {
            "usage": {
                "billed_units": {"input_tokens": 1, "output_tokens": 1},
                "tokens": {"input_tokens": 20, "output_tokens": 3},
            }
        },
    },
)

STREAMS = {
    "OpenAI": ("chat.completions", OPENAI, buckets(30, 12)),
    "OpenAI with CRLF and a comment": (
        "chat.completions",
        b": keep-alive\r\n\r\n" + OPENAI.replace(b"\n", b"\r\n"),
        buckets(30, 12),
    ),
    "CR alone": ("chat.completions", OPENAI.replace(b"\n", b"\r"), buckets(30, 12)),
    "a byte order mark": ("chat.completions", b"\xef\xbb\xbf" + OPENAI, buckets(30, 12)),
    "no space after data:, more fields": (
        "dashscope.generation",
        events(
            {"output": {}, "usage": {"input_tokens": 5, "output_tokens": 1}},
            {"output": {}, "usage": {"input_tokens": 5, "output_tokens": 3}},
            field="id:1\nevent:result\n:HTTP_STATUS/200\ndata:",
        ),
        buckets(5, 3),
    ),
    "usage in a chunk that has choices": (
        "chat.completions",
        events(delta("hi"), delta("", usage=USAGE), "[DONE]"),
        buckets(30, 12),
    ),
    "cumulative usage in every chunk": (
        "chat.completions",
        events(
            *[delta("w", usage={"prompt_tokens": 30, "completion_tokens": n}) for n in range(13)], "[DONE]"
        ),
        buckets(30, 12),
    ),
    "zeros after the report": (
        "chat.completions",
        events(delta("", usage=USAGE), delta("", usage=dict.fromkeys(USAGE, 0))),
        buckets(30, 12),
    ),
    "Groq": ("chat.completions", events(delta("hi"), delta("", x_groq={"usage": USAGE})), buckets(30, 12)),
    "Moonshot": (
        "chat.completions",
        events(delta("hi"), {"choices": [{"index": 0, "delta": {}, "usage": USAGE}]}),
        buckets(30, 12),
    ),
    "completions": ("completions", events({"choices": [{"text": "hi"}], "usage": USAGE}), buckets(30, 12)),
    "the last line is not ended": (
        "chat.completions",
        OPENAI.removesuffix(b"\n\ndata: [DONE]\n\n"),
        buckets(30, 12),
    ),
    "no blank lines": ("chat.completions", OPENAI.replace(b"\n\n", b"\n"), buckets(30, 12)),
    "an object over several data lines": (
        "chat.completions",
        b'data: {"x": [],\ndata: "usage":\ndata: {"prompt_tokens": 30,\ndata: "completion_tokens": 12}}\n\n',
        buckets(30, 12),
    ),
    "… with CRLF": (
        "chat.completions",
        b'data: {"x": [],\r\ndata: "usage": {"prompt_tokens": 30,\r\ndata: "completion_tokens": 12}}\r\n\r\n',
        buckets(30, 12),
    ),
    "usage in the first event, after a byte order mark": (
        "chat.completions",
        b"\xef\xbb\xbf" + events(delta("hi", usage=USAGE)),
        buckets(30, 12),
    ),
    "a whole answer after a byte order mark": (
        "chat.completions",
        b"\xef\xbb\xbf\n" + json.dumps({"usage": USAGE}).encode(),
        buckets(30, 12),
    ),
    "a broken event before a good one": (
        "chat.completions",
        b'data: {"usage": {"prompt_tokens": 9\n\n' + OPENAI,
        buckets(30, 12),
    ),
    "a whole answer where a stream was asked for": (
        "chat.completions",
        json.dumps({"choices": [], "usage": USAGE}, indent=2).encode(),
        buckets(30, 12),
    ),
    "Anthropic": ("messages", ANTHROPIC, buckets(213, 15, cached=200, reasoning=4, cache_write=10)),
    "Anthropic cut off": ("messages", ANTHROPIC[:400], buckets(213, 1, cached=200, cache_write=10)),
    "responses": ("responses", RESPONSES, buckets(8, 4)),
    "Gemini with alt=sse": (
        "streamGenerateContent",
        events(*GEMINI_EVENTS, line_end="\r\n"),
        buckets(9, 11, reasoning=6),
    ),
    "Gemini's array": (
        "streamGenerateContent",
        json.dumps(GEMINI_EVENTS, indent=2, ensure_ascii=False).encode(),
        buckets(9, 11, reasoning=6),
    ),
    "Gemini's array in one line": (
        "streamGenerateContent",
        json.dumps(GEMINI_EVENTS).encode(),
        buckets(9, 11, reasoning=6),
    ),
    "Gemini's array cut off after an event": (
        "streamGenerateContent",
        json.dumps(GEMINI_EVENTS, indent=2).encode().removesuffix(b"\n]"),
        buckets(9, 11, reasoning=6),
    ),
    "Ollama": ("ollama.chat", OLLAMA, buckets(11, 12)),
    "Ollama without the last line end": ("ollama.generate", OLLAMA.rstrip(), buckets(11, 12)),
    "Cohere": ("cohere.chat", COHERE, buckets(20, 3)),
    "Cohere's first API": (
        "cohere.chat",
        b'{"type":"text"}\n{"response":{"meta":{"tokens":{"input_tokens":20,"output_tokens":3}}}}\n',
        buckets(20, 3),
    ),
    "transcription": (
        "audio.transcriptions",
        events({"type": "transcript.text.done", "usage": {"input_tokens": 4, "output_tokens": 2}}),
        buckets(4, 2),
    ),
    "Azure's filter results and no usage": (
        "chat.completions",
        events({"choices": [], "prompt_filter_results": []}, delta("hi", usage=None), "[DONE]"),
        None,
    ),
    "an error in the stream": (
        "chat.completions",
        events(delta("hi")) + b'event: error\ndata: {"error":{"message":"no usage"}}\n\n',
        None,
    ),
    "a page instead of an answer": ("chat.completions", b"<html><style>p{}</style>usage</html>", None),
    "nothing": ("chat.completions", b"", None),
    "an API without usage": ("models", b'{"data":[],"usage":{"prompt_tokens":1}}', None),
}


@pytest.mark.parametrize(("api", "body", "expected"), STREAMS.values(), ids=STREAMS)
def test_streams_whole_and_byte_by_byte(api, body, expected):
    assert read(api, body) == expected
    assert read(api, *[body[at : at + 1] for at in range(len(body))]) == expected


@pytest.mark.parametrize("limit", [40, 1])
@pytest.mark.parametrize("name", sorted(STREAMS.keys() - {"Moonshot"}))  # usage in choices: small events only
def test_streams_of_large_events(name, limit, monkeypatch):
    """With a tiny limit nearly every event goes the way of the large ones."""
    monkeypatch.setattr("llm_tracker.usage.stream._MAX_PARSED", limit)
    api, body, expected = STREAMS[name]
    for step in (len(body) + 1, 1, 2, 7, 50):
        assert read(api, *[body[at : at + step] for at in range(0, len(body), step)]) == expected


@given(st.data())
def test_streams_cut_anywhere(data):
    api, body, expected = data.draw(st.sampled_from(list(STREAMS.values())))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read(api, *pieces) == expected


@given(
    st.lists(
        st.binary(max_size=80) | st.sampled_from([OPENAI[:150], ANTHROPIC[:150], b"data: {", b'"usage":{'])
    )
)
def test_garbage_never_raises(pieces):
    for api in ("chat.completions", "messages", "streamGenerateContent", "ollama.chat"):
        read(api, *pieces)
        for opening in (b"[", b'{"a":', b"data: {", b'{"usage":{"a":"'):
            read(api, opening + b" " * 66_000, *pieces)


@pytest.mark.parametrize(("api", "stream"), [("chat.completions", OPENAI), ("ollama.chat", OLLAMA)])
def test_what_is_complete_is_not_kept(api, stream):
    reader = UsageReader(api)
    for byte in stream * 20:
        reader.feed(bytes([byte]))
    assert len(reader._buffer) == 0


def test_the_raw_object_is_kept():
    usage = read("chat.completions", OPENAI)
    assert usage is not None
    assert usage.raw == USAGE
    merged = read("messages", ANTHROPIC)
    assert merged is not None
    assert merged.raw == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 200,
        "output_tokens": 15,
        "output_tokens_details": {"thinking_tokens": 4},
    }


def test_an_unknown_api_is_named():
    with pytest.raises(ValueError, match="'telepathy'"):
        UsageReader("telepathy")


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_the_scanner_keeps_the_wanted_members_alone(step):
    text = json.dumps(
        [
            {"response": {"id": "r", "usage": [1, {"a": "}"}]}, "usage": {"n": 1}, "count": 12},
            {"x": {"usage": 1}, "response": {}, "usage": None, "count": "12"},
            [{"usage": 2}],
            {"count": 7},
        ],
        indent=1,
    ).encode()
    scanner = JsonScanner([("usage",), ("response", "usage"), ("count",)])
    items = [item for at in range(0, len(text), step) for item in scanner.feed(text[at : at + step])]
    assert items == [
        {"response": {"usage": [1, {"a": "}"}]}, "usage": {"n": 1}, "count": 12},
        {"usage": None},
        {"count": 7},
    ]


BASE64 = "QUJD" * 1_000_000
NUMBERS = ",".join(["-0.0123"] * 400_000)


@pytest.mark.parametrize(
    ("api", "body", "expected"),
    [
        (
            "responses",
            events(
                f'{{"response":{{"output":["{BASE64}"],"usage":{{"input_tokens":3,"output_tokens":4}}}}}}'
            ),
            buckets(3, 4),
        ),
        (
            "embeddings",
            f'{{"data":[{{"e":[{NUMBERS}]}}],"usage":{{"total_tokens":3}}}}'.encode(),
            buckets(3, 0),
        ),
        (
            "ollama.generate",
            OLLAMA[:54] + f'{{"context":[{NUMBERS}],"prompt_eval_count":3,"eval_count":4}}\n'.encode(),
            buckets(3, 4),
        ),
        (
            "generateContent",
            f'[{{"candidates":[{{"data":"{BASE64}"}}]}},{{"usageMetadata":{{"promptTokenCount":3}}}}]'.encode(),
            buckets(3, 0),
        ),
        ("chat.completions", events(delta(BASE64, usage=USAGE), "[DONE]"), buckets(30, 12)),
        ("messages", b"data: " + b"x" * 4_000_000 + b"\n\n" + ANTHROPIC, buckets(213, 15, 200, 4, 10)),
    ],
    ids=["image in an event", "embeddings", "context", "array", "chunk", "junk"],
)
def test_large_bodies_cost_little_memory_and_linear_time(api, body, expected):
    pieces = [body[at : at + 16384] for at in range(0, len(body), 16384)]
    started = time.process_time()
    assert read(api, *pieces) == expected
    assert time.process_time() - started < 2  # about 0.02 s; quadratic time would take minutes
    tracemalloc.start()
    reader = UsageReader(api)
    for piece in pieces:
        reader.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(0, 9999)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.text() | st.sampled_from(["usage", "x_groq", "result", "prompt_tokens"]), inner
            )
        ),
    ),
    st.booleans(),
    st.integers(1, 40),
)
def test_the_scanner_sees_what_the_parser_sees(value, ensure_ascii, step):
    """An answer too large to be parsed at once gives the usage that parsing it gives."""
    body = {"usage": value, "x_groq": value, "padding": "x" * 70_000, "result": {"usage": value}}
    text = json.dumps(body, ensure_ascii=ensure_ascii, indent=step % 3).encode()
    cut = text.index(b"xxxx")
    pieces = [text[at : at + step] for at in range(0, cut, step)]
    rest = text[len(b"".join(pieces)) :]
    pieces += [rest[:69_000], *[rest[at : at + step] for at in range(69_000, len(rest), step)]]
    assert read("chat.completions", *pieces) == usage_from_response("chat.completions", body)


@pytest.mark.parametrize("fill", ["\\", '"', '\\"', "}", "]\n", "ab\\c", "é"])
@pytest.mark.parametrize("shift", range(4))
def test_strings_longer_than_the_scanner_looks_at_at_once(fill, shift):
    """Wherever the end of what it looks at falls, say between a backslash and what it escapes."""
    long = "x" * shift + fill * 9000
    item = {"skipped": [long, {long: long}], "usage": [long, {"n": 1}], "count": 7}
    scanner = JsonScanner([("usage",), ("count",)])
    assert scanner.feed(json.dumps(item).encode()) == [{"usage": item["usage"], "count": 7}]


@pytest.mark.parametrize(
    ("api", "event"),
    [
        (
            "chat.completions",
            rb'{"choices":[{"delta":{"content":"\ud83d"}}],"usage":{"prompt_tokens":3,"completion_tokens":9}}',
        ),
        (
            "streamGenerateContent",
            rb'{"candidates":[{"text":"\\\\ud83d\uDE00"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":9}}',
        ),
        (
            "ollama.chat",
            rb'{"message":{"content":"\ud83d"},"prompt_eval_count":3,"eval_count":9,"done":true}',
        ),
    ],
)
def test_half_of_an_emoji_does_not_hide_the_usage_beside_it(api, event):
    reader = UsageReader(api)
    for piece in (event + b"\n",) if api.startswith("ollama") else (b"data: " + event, b"\n\n"):
        reader.feed(piece)
    usage = reader.finish()
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (3, 9)
