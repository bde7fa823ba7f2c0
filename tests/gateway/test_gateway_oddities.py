"""What providers and callers do that nobody promised."""

import asyncio

import pytest

from daybook.gateway.upstream.pool import Pool
from support.gateway.upstream import Reply, sse

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
EVENTS = sse(
    {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
)


@pytest.mark.parametrize("label", ["application/json", "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("first", [1, 5, 30])
async def test_a_stream_is_a_stream_whatever_its_content_type_says(chat, upstream, label, first):
    body = b"".join(EVENTS)
    upstream.reply(Reply(chunks=[body[:first], body[first:]], content_type=label, pause=0.02))
    async with chat.post("/v1/chat/completions", ASK) as response:
        assert response.status == 200
        assert await response.read() == EVENTS[0] + EVENTS[2]
    (line,) = await chat.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["success"]) == (3, 2, True)


async def test_a_whole_answer_to_who_asked_for_a_stream_stays_whole(chat, upstream):
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    answer = {
        "choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    upstream.reply(Reply(body=answer))
    assert await chat.call("/v1/chat/completions", ASK) == (200, answer)
    assert (await chat.lines())[0]["total_tokens"] == 5


async def test_an_answer_that_is_over_cannot_break_the_call_that_has_its_connection_next(upstream):
    pool = Pool()
    patience = {"connect": 5, "first_byte": 5, "idle": 5}
    upstream.reply(Reply(body={}), Reply(body={"second": True}, delay=0.05))
    first = await pool.post(upstream.url, {}, b"{}", **patience)
    assert await first.chunk() == b"{}"
    first.close()
    second = asyncio.create_task(pool.post(upstream.url, {}, b"{}", **patience))
    await asyncio.sleep(0.02)
    first.abandon()  # its caller has left only now
    first.close()
    answer = await second
    assert await answer.chunk() == b'{"second": true}'
    answer.close()
    pool.close()
    assert len(upstream.received) == 2


async def test_a_model_that_the_path_of_gemini_names_twice_is_the_same_model(gateway, upstream):
    await gateway.add_config("gemini", upstream.url, provider="gemini", models=["gemini-*"])
    upstream.reply(Reply(body={"candidates": [], "usageMetadata": {"promptTokenCount": 4}}))
    path = "/v1beta/models/models/gemini-2.5-flash:generateContent"
    status, _ = await gateway.call(path, {"contents": [{"parts": [{"text": "hi"}]}]})
    assert status == 200
    assert upstream.received[0].path == "/v1beta/models/gemini-2.5-flash:generateContent"
    (line,) = await gateway.lines()
    assert line["model"] == "gemini-2.5-flash"
