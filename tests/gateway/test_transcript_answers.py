"""Answers as the call log keeps them: one small answer per quirk of a provider."""

import json

import pytest

from support.gateway.transcripts import answer_of_body, answer_of_stream


def sse(*events, end=b"data: [DONE]\n\n"):
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + end


def named(*events):
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def chunk(delta, finish=None, index=0, **more):
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice], **more}


def test_a_chat_stream_becomes_the_completion_that_it_would_have_been():
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    raw = sse(
        {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        chunk({"role": "assistant", "content": "", "reasoning_content": "Well"}, obfuscation="x1y2"),
        chunk({"reasoning_content": ", then."}),
        chunk({"content": "Good "}),
        chunk({"content": "day"}),
        chunk({}, "stop"),
        {"id": "c1", "object": "chat.completion.chunk", "model": "m-1", "choices": [], "usage": usage},
    )
    answer = answer_of_stream("chat.completions", raw)
    assert (answer.text, answer.model, answer.error, answer.finished) == ("Good day", "m-1", None, True)
    assert answer.data == {
        "id": "c1",
        "object": "chat.completion",
        "model": "m-1",
        "prompt_filter_results": [{"prompt_index": 0}],
        "usage": usage,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Good day", "reasoning_content": "Well, then."},
            }
        ],
    }


def test_tool_calls_are_told_apart_by_index_or_by_id():
    def call(arguments, **more):
        name = more.pop("name", None)
        return {"tool_calls": [{"function": {"name": name, "arguments": arguments}, **more}]}

    by_index = sse(
        chunk(call("", index=0, id="a", name="one", type="function")),
        chunk(call("", index=1, id="b", name="two", type="function")),
        chunk(call('{"x"', index=0)),
        chunk(call("{}", index=1)),
        chunk(call(":1}", index=0), "tool_calls"),
    )
    one_index_for_all = sse(
        chunk(call('{"x":1}', index=0, id="a", name="one", type="function")),
        chunk(call("{}", index=0, id="b", name="two", type="function"), "tool_calls"),
    )
    no_index = sse(
        chunk(call('{"x"', id="a", name="one")),
        chunk(call(":1}")),
        chunk(call("{}", id="b", name="two"), "tool_calls"),
    )
    for raw in (by_index, one_index_for_all, no_index):
        answer = answer_of_stream("chat.completions", raw)
        assert answer.text is None
        assert answer.data["choices"][0]["message"]["tool_calls"] == [
            {"id": "a", "type": "function", "function": {"name": "one", "arguments": '{"x":1}'}},
            {"id": "b", "type": "function", "function": {"name": "two", "arguments": "{}"}},
        ]


def test_choices_refusals_logprobs_and_other_parts_are_kept():
    first = chunk({"content": "A"}, index=0)
    first["choices"][0]["logprobs"] = {"content": [{"token": "A"}], "refusal": None}
    second = chunk({"content": "a"}, "stop", index=0)
    second["choices"][0]["logprobs"] = {"content": [{"token": "a"}], "refusal": None}
    raw = sse(
        chunk({"content": "B"}, index=1),
        first,
        chunk({"refusal": "I "}, index=2),
        second,
        chunk({"content": "b"}, "stop", index=1),
        chunk({"refusal": "won't", "annotations": [{"url": 1}]}, "stop", index=2),
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}]}, index=3),
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]}, index=3),
        chunk({"content": "C"}, "stop", index=3),
    )
    answer = answer_of_stream("chat.completions", raw)
    assert answer.text == "Aa\n\nBb\n\nI won't\n\nC"
    choices = answer.data["choices"]
    assert choices[0]["logprobs"]["content"] == [{"token": "A"}, {"token": "a"}]
    assert choices[2]["message"]["annotations"] == [{"url": 1}]
    assert choices[3]["message"]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "C"},
    ]


def test_a_broken_line_is_skipped_and_told_and_the_text_is_kept():
    whole = sse(chunk({"content": "still "}), end=b"")
    raw = whole + b'data: {"choices": [{"delta": {"con\n\n' + sse(chunk({"content": "here"}, "stop"))
    answer = answer_of_stream("chat.completions", raw)
    assert (answer.text, answer.finished) == ("still here", True)
    assert "1 line that cannot be read" in answer.error
    assert '{"choices": [{"delta": {"con' in answer.error
    assert answer_of_stream("chat.completions", whole + b"garbage\n\n").error


@pytest.mark.parametrize(
    "framing",
    [
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"\n", b"\r"),
        lambda raw: raw.replace(b"\n\n", b"\n"),
        lambda raw: raw.replace(b"data: ", b"data:"),
        lambda raw: b"\xef\xbb\xbf: hello\n\n" + raw,
        lambda raw: raw.replace(b"data: {", b"id: 7\nevent: message\nretry: 3\ndata: {"),
        lambda raw: b"\n\n\n " + raw,
    ],
)
def test_every_framing_of_server_sent_events_is_read(framing):
    raw = framing(sse(chunk({"content": "a"}), chunk({"content": "b"}, "stop")))
    answer = answer_of_stream("chat.completions", raw)
    assert (answer.text, answer.error, answer.finished) == ("ab", None, True)


def test_a_stream_that_breaks_off_is_not_finished():
    raw = sse(chunk({"content": "half"}), end=b"")
    assert answer_of_stream("chat.completions", raw).text == "half"
    assert not answer_of_stream("chat.completions", raw).finished
    assert answer_of_stream("chat.completions", raw + b"data: [DONE]\n\n").finished
    assert answer_of_stream("chat.completions", b"").error == "The stream is empty."


@pytest.mark.parametrize(
    ("api", "raw", "told"),
    [
        ("chat.completions", sse({"error": {"message": "Overloaded", "code": 503}}), "Overloaded"),
        ("chat.completions", b'event: error\ndata: {"message":"Overloaded"}\n\n', "Overloaded"),
        ("chat.completions", b"event: error\ndata: Overloaded\n\n", "Overloaded"),
        ("chat.completions", sse(chunk({"content": "x"})) + b'{"error":"Overloaded"}\n', "Overloaded"),
        ("chat.completions", b'{"error":{"message":"Overloaded"}}', "Overloaded"),
        ("chat.completions", b"<html><title>502</title><body>Overloaded", "502 Overloaded"),
        (
            "messages",
            named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            "Overloaded",
        ),
        (
            "responses",
            named(
                {
                    "type": "response.failed",
                    "response": {"status": "failed", "error": {"message": "Overloaded"}},
                }
            ),
            "Overloaded",
        ),
        ("responses", named({"type": "error", "code": "busy", "message": "Overloaded"}), "Overloaded"),
        ("streamGenerateContent", b'[{"error":{"code":503,"message":"Overloaded"}}]', "Overloaded"),
        ("ollama.chat", b'{"message":{"content":"x"},"done":false}\n{"error":"Overloaded"}\n', "Overloaded"),
        (
            "dashscope.generation",
            b'event:error\ndata:{"code":"Busy","message":"Overloaded"}\n\n',
            "Overloaded",
        ),
        ("cohere.chat", named({"type": "message-start", "error": {"message": "Overloaded"}}), "Overloaded"),
    ],
)
def test_errors_within_streams_are_told(api, raw, told):
    assert answer_of_stream(api, raw).error == told


def test_a_message_stream_becomes_the_message():
    def start(index, block):
        return {"type": "content_block_start", "index": index, "content_block": block}

    def delta(index, **delta):
        return {"type": "content_block_delta", "index": index, "delta": delta}

    usage = {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 2}
    message = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "usage": usage,
    }
    raw = named(
        {"type": "message_start", "message": message},
        start(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, type="thinking_delta", thinking="Let me "),
        delta(0, type="thinking_delta", thinking="see."),
        delta(0, type="signature_delta", signature="c2ln"),
        {"type": "ping"},
        start(1, {"type": "text", "text": ""}),
        delta(1, type="text_delta", text="It is "),
        delta(1, type="text_delta", text="noon"),
        delta(1, type="citations_delta", citation={"cited_text": "12"}),
        start(2, {"type": "tool_use", "id": "t1", "name": "clock", "input": {}}),
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"zone": '),
        delta(2, type="input_json_delta", partial_json='"UTC"}'),
        start(3, {"type": "server_tool_use", "id": "t2", "name": "web_search", "input": {}}),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 9, "input_tokens": None},
        },
        {"type": "message_stop"},
    )
    answer = answer_of_stream("messages", raw)
    assert (answer.text, answer.model, answer.error, answer.finished) == (
        "It is noon",
        "claude-x",
        None,
        True,
    )
    assert answer.data == {
        **message,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 9, "cache_read_input_tokens": 2},
        "content": [
            {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
            {"type": "text", "text": "It is noon", "citations": [{"cited_text": "12"}]},
            {"type": "tool_use", "id": "t1", "name": "clock", "input": {"zone": "UTC"}},
            {"type": "server_tool_use", "id": "t2", "name": "web_search", "input": {}},
        ],
    }
    broken_off = raw[: raw.index(b'\\"UTC')]
    answer = answer_of_stream("messages", broken_off[: broken_off.rindex(b"event:")])
    assert not answer.finished
    assert answer.data["content"][2]["input"] == '{"zone": '


def test_an_incomplete_response_is_finished_and_no_error():
    output = [{"type": "message", "content": [{"type": "output_text", "text": "cut sh"}]}]
    response = {
        "id": "r",
        "object": "response",
        "model": "g",
        "status": "incomplete",
        "error": None,
        "output": output,
    }
    answer = answer_of_stream("responses", named({"type": "response.incomplete", "response": response}))
    assert (answer.text, answer.error, answer.finished) == ("cut sh", None, True)
    assert answer.data == response


def test_a_failed_response_in_one_piece_is_an_error():
    body = {
        "object": "response",
        "status": "failed",
        "error": {"code": "server_error", "message": "Sorry"},
        "output": [],
    }
    assert answer_of_body("responses", body).error == "Sorry"
    assert answer_of_body("responses", {**body, "error": None}).error


def test_a_gemini_stream_becomes_one_response():
    def part(*parts, **more):
        return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}]}

    chunks = [
        part({"text": "hm", "thought": True}),
        part({"text": "m", "thought": True}),
        part({"text": "Two "}),
        part({"text": "words"}, {"text": "", "thoughtSignature": "c2ln"}),
        part({"functionCall": {"name": "f", "args": {}}}),
        {
            **part(finishReason="STOP", index=0),
            "usageMetadata": {"totalTokenCount": 9},
            "modelVersion": "g-2",
        },
    ]
    expected = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "hmm", "thought": True},
                        {"text": "Two words", "thoughtSignature": "c2ln"},
                        {"functionCall": {"name": "f", "args": {}}},
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {"totalTokenCount": 9},
        "modelVersion": "g-2",
    }
    for raw in (
        sse(*chunks, end=b""),
        json.dumps(chunks, indent=2).encode(),
        json.dumps(chunks).encode()[:-1],
    ):
        answer = answer_of_stream("streamGenerateContent", raw)
        assert (answer.text, answer.model, answer.error, answer.finished) == ("Two words", "g-2", None, True)
        assert answer.data == expected
    blocked = answer_of_stream(
        "streamGenerateContent", sse({"promptFeedback": {"blockReason": "SAFETY"}}, end=b"")
    )
    assert (blocked.finished, blocked.text) == (True, None)


def test_an_array_that_breaks_off_keeps_its_whole_elements():
    chunks = [{"candidates": [{"content": {"parts": [{"text": word}]}}]} for word in ("one", "two")]
    answer = answer_of_stream("streamGenerateContent", json.dumps(chunks).encode()[:-20])
    assert answer.text == "one"
    assert answer.error
    assert not answer.finished


def test_ollama_and_cohere_streams():
    lines = [
        {"model": "q", "message": {"role": "assistant", "content": "", "thinking": "h"}, "done": False},
        {"model": "q", "message": {"role": "assistant", "content": "", "thinking": "m"}, "done": False},
        {"model": "q", "message": {"content": "no"}, "done": False},
        {
            "model": "q",
            "message": {"content": "on", "tool_calls": [{"function": {"name": "f"}}]},
            "done": False,
        },
        {"model": "q", "message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 2},
    ]
    answer = answer_of_stream("ollama.chat", "\n".join(map(json.dumps, lines)).encode())
    assert (answer.text, answer.model, answer.finished) == ("noon", "q", True)
    message = {
        "role": "assistant",
        "content": "noon",
        "thinking": "hm",
        "tool_calls": [{"function": {"name": "f"}}],
    }
    assert answer.data == {
        "model": "q",
        "message": message,
        "done": True,
        "done_reason": "stop",
        "eval_count": 2,
    }

    def delta(kind, index, **message):
        return {"type": kind, "index": index, "delta": {"message": message}}

    raw = named(
        {"type": "message-start", "id": "x", "delta": {"message": {"role": "assistant", "content": []}}},
        delta("tool-plan-delta", 0, tool_plan="I'll "),
        delta("tool-plan-delta", 0, tool_plan="look"),
        delta("content-start", 0, content={"type": "text", "text": ""}),
        delta("content-delta", 0, content={"text": "no"}),
        delta("content-delta", 0, content={"text": "on"}),
        delta(
            "tool-call-start",
            0,
            tool_calls={"id": "t", "type": "function", "function": {"name": "f", "arguments": ""}},
        ),
        delta("tool-call-delta", 0, tool_calls={"function": {"arguments": "{"}}),
        delta("tool-call-delta", 0, tool_calls={"function": {"arguments": "}"}}),
        {
            "type": "message-end",
            "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 1}}},
        },
    )
    answer = answer_of_stream("cohere.chat", raw)
    assert (answer.text, answer.finished) == ("noon", True)
    assert answer.data == {
        "id": "x",
        "finish_reason": "COMPLETE",
        "usage": {"tokens": {"input_tokens": 1}},
        "message": {
            "role": "assistant",
            "tool_plan": "I'll look",
            "content": [{"type": "text", "text": "noon"}],
            "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
    }


def test_sound_and_transcripts():
    speech = answer_of_body("audio.speech", b"ID3" + bytes(500), media_type="audio/mpeg")
    assert speech.data == {"media_type": "audio/mpeg", "bytes": 503}
    assert (speech.error, speech.text, speech.finished) == (None, None, True)
    assert answer_of_body("audio.speech", b"RIFF1234").data["media_type"] == "audio/wav"
    refused = answer_of_body("audio.speech", b'{"error": {"message": "No such voice"}}', status=400)
    assert refused.error == "No such voice"

    assert answer_of_body("audio.transcriptions", b"1\n00:00 --> 00:01\nHello\n").text.endswith("Hello\n")
    assert answer_of_body("audio.transcriptions", b"<!doctype html><p>Down").error
    raw = named(
        {"type": "transcript.text.delta", "delta": "He"},
        {"type": "transcript.text.delta", "delta": "llo"},
        {"type": "transcript.text.done", "text": "Hello", "usage": {"total_tokens": 3}},
    )
    answer = answer_of_stream("audio.transcriptions", raw)
    assert (answer.text, answer.finished, answer.data["usage"]) == ("Hello", True, {"total_tokens": 3})
    assert (
        answer_of_stream("audio.transcriptions", raw[: raw.index(b"event: transcript.text.done")]).text
        == "Hello"
    )


def test_pictures_in_answers_are_not_kept():
    answer = answer_of_body("images.generations", {"data": [{"b64_json": "A" * 4000}]})
    assert answer.data["data"][0]["b64_json"].startswith("[image, 3000 bytes, sha256 ")
