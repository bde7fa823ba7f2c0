"""All output of a model is counted if no usage is reported: text, thoughts and tool input."""

import json

import pytest

from support.gateway.transcripts import answer_of_body, answer_of_stream
from support.gateway.upstream import Reply, sse

HANDED = '{"path": "notes.txt", "text": "a long text that the tool is to write"}'
PIECES = [HANDED[at : at + 7] for at in range(0, len(HANDED), 7)]


def delta(**fields):
    return {"choices": [{"index": 0, "delta": fields}]}


def tool_piece(piece):
    return delta(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "write", "arguments": piece}}])


def block(kind, **fields):
    return {"type": kind, "index": 0, **fields}


STREAMS = {
    "chat.completions": [delta(reasoning_content="Let me think. "), *map(tool_piece, PIECES)],
    "messages": [
        {"type": "message_start", "message": {"type": "message", "content": [], "usage": {"input_tokens": 9}}},
        block("content_block_start", content_block={"type": "thinking", "thinking": ""}),
        block("content_block_delta", delta={"type": "thinking_delta", "thinking": "Let me think. "}),
        {**block("content_block_start", content_block={"type": "tool_use", "name": "write", "input": {}}), "index": 1},
        *(
            {**block("content_block_delta", delta={"type": "input_json_delta", "partial_json": piece}), "index": 1}
            for piece in PIECES
        ),
    ],
    "streamGenerateContent": [
        {"candidates": [{"content": {"parts": [{"text": "Let me think. ", "thought": True}]}}]},
        {
            "candidates": [
                {"content": {"parts": [{"functionCall": {"name": "write", "args": json.loads(HANDED)}}]}}
            ]
        },
    ],
    "responses": [
        {"type": "response.created", "response": {"object": "response", "output": [], "reasoning": {"effort": "low"}}},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Let me think. "}]},
        },
        {
            "type": "response.output_item.done",
            "output_index": 1,
            "item": {"type": "function_call", "name": "write", "arguments": HANDED},
        },
    ],
}  # fmt: skip


@pytest.mark.parametrize("api", STREAMS)
def test_thoughts_and_what_tools_are_handed_are_counted(api):
    raw = b"".join(sse(*STREAMS[api], event_names=api in {"messages", "responses"}, done=False))
    answer = answer_of_stream(api, raw)
    assert not answer.text
    for part in ("Let me think. ", "write", "notes.txt", "a long text that the tool is to write"):
        assert answer.written.count(part) >= 1, answer.data
    assert answer.written.count("Let me think. ") == 1
    assert len(answer.written) < len(HANDED) + 40


def test_what_is_seen_is_counted_once_and_what_was_only_found_is_not():
    seen = {"choices": [{"message": {"content": "Noon.", "reasoning": "Hm.", "reasoning_content": "Hm."}}]}
    assert answer_of_body("chat.completions", seen).written == "Noon.\nHm."
    found = {
        "content": [{"type": "web_search_tool_result", "content": [{"text": "x" * 99, "type": "thinking"}]}]
    }
    assert answer_of_body("messages", {**found, "type": "message"}).written == ""
    asked = {"object": "response", "output": [], "reasoning": {"effort": "low", "summary": "detailed"}}
    assert answer_of_body("responses", asked).written == ""


@pytest.mark.parametrize("left_by", ["provider", "client"])
async def test_a_call_of_a_tool_that_breaks_off_is_paid(chat, upstream, left_by):
    chunks = sse(*STREAMS["chat.completions"], done=False)
    upstream.reply(
        Reply(
            chunks=chunks,
            content_type="text/event-stream",
            cut=left_by == "provider",
            stall=left_by == "client",
        )
    )
    async with chat.post(
        "/v1/chat/completions",
        {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": True},
    ) as response:
        seen = b""
        while b'write\\"}' not in seen and (chunk := await response.content.readany()):
            seen += chunk
    (line,) = await chat.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)
    assert line["completion_tokens"] > 20
