"""Chat completions through the gateway: what the caller gets, and what stands in the ledger afterwards."""

import json
from decimal import Decimal

import pytest

from support.gateway.upstream import Reply, sse

ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "你好"}], "temperature": 0.5}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "您好!"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 40},
        "completion_tokens_details": {"reasoning_tokens": 8},
    },
}


def chunk(text=None, finish=None, **more):
    delta = {} if text is None else {"content": text}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini-2024-07-18"}
    return {**base, "choices": choices, **more}


USAGE_CHUNK = {
    **chunk(),
    "choices": [],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}


async def test_a_call_passes_as_bytes_and_leaves_one_line_and_one_log(chat, upstream):
    upstream.reply(Reply(body=ANSWER))
    sent = json.dumps(ASK, indent=3).encode()
    async with chat.post("/v1/chat/completions", sent) as response:
        assert response.status == 200
        assert await response.json() == ANSWER
        call_id = response.headers["x-daybook-call-id"]

    assert upstream.received[0].body == sent
    assert upstream.received[0].path == "/v1/chat/completions"
    assert upstream.received[0].headers["authorization"] == "Bearer sk-upstream-secret"
    assert chat.code not in str(upstream.received[0])

    (line,) = await chat.lines()
    assert str(line["id"]) == call_id
    assert line["model"] == "gpt-4o-mini"
    assert (line["prompt_tokens"], line["completion_tokens"], line["total_tokens"]) == (100, 20, 120)
    assert (line["cached_tokens"], line["reasoning_tokens"]) == (40, 8)
    assert line["success"] is True
    assert line["is_estimated"] is False
    assert line["source"] == "gateway"
    assert line["provider"] == "openai_compatible"
    assert line["metadata"]["usage"] == ANSWER["usage"]
    assert line["metadata"]["attempts"][0]["config"] == "main"
    assert line["cost"] is None or line["cost"] > 0

    (log,) = await chat.logs()
    assert log["usage_id"] == line["id"]
    assert log["status"] == "success"
    assert log["request_messages"] == ASK["messages"]
    assert log["request_params"]["temperature"] == 0.5
    assert log["response_content"] == "您好!"
    assert log["response_data"] == ANSWER
    assert (log["tokens_used"], log["prompt_tokens"], log["completion_tokens"]) == (120, 100, 20)


async def test_totals_of_user_group_and_code_follow_the_lines(chat, upstream):
    upstream.reply(Reply(body=ANSWER))
    for _ in range(3):
        await chat.call("/v1/chat/completions", ASK)
    await chat.lines(3)
    assert (await chat.rows("SELECT token_usage FROM groups"))[0]["token_usage"] == 360
    assert (await chat.rows("SELECT token_usage FROM activation_codes"))[0]["token_usage"] == 360


async def test_the_price_of_a_known_model_is_exact(gateway, upstream):
    await gateway.add_config("openai", upstream.url + "/v1", provider="openai")
    upstream.reply(Reply(body=ANSWER))
    await gateway.call("/v1/chat/completions", ASK)
    (line,) = await gateway.lines()
    # 60 fresh at 0.15, 40 cached at 0.075 and 20 written at 0.60 USD per million tokens
    assert line["cost"] == Decimal("0.000024")


async def test_a_price_that_is_no_number_leaves_a_line_without_cost(gateway, upstream, monkeypatch):
    monkeypatch.setattr("llm_tracker.pricing._table_cost", lambda *_: Decimal("NaN"))
    await gateway.add_config("openai", upstream.url + "/v1", provider="openai")
    upstream.reply(Reply(body=ANSWER))
    await gateway.call("/v1/chat/completions", ASK)
    (line,) = await gateway.lines()
    assert (line["cost"], line["total_tokens"]) == (None, 120)


async def test_a_stream_reaches_the_caller_without_the_usage_that_only_the_ledger_asked_for(chat, upstream):
    events = [chunk("Hel"), chunk("lo"), chunk(finish="stop"), USAGE_CHUNK]
    upstream.reply(Reply(chunks=sse(*events), content_type="text/event-stream"))
    async with chat.post("/v1/chat/completions", {**ASK, "stream": True}) as response:
        assert response.content_type == "text/event-stream"
        body = await response.read()
    assert body == b"".join(sse(*events[:3]))
    assert upstream.received[0].json["stream_options"] == {"include_usage": True}
    (line,) = await chat.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["total_tokens"]) == (7, 3, 10)
    assert line["success"] is True
    assert line["metadata"]["stream"] is True
    (log,) = await chat.logs()
    assert log["response_content"] == "Hello"
    assert log["response_data"]["choices"][0]["message"]["content"] == "Hello"


async def test_a_caller_who_asks_for_the_usage_of_a_stream_gets_it(chat, upstream):
    events = sse(chunk("Hi", finish="stop"), USAGE_CHUNK)
    upstream.reply(Reply(chunks=events, content_type="text/event-stream"))
    ask = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
    async with chat.post("/v1/chat/completions", ask) as response:
        assert await response.read() == b"".join(events)
    assert upstream.received[0].json == ask
    assert (await chat.lines())[0]["total_tokens"] == 10


async def test_tokens_that_nobody_reported_are_counted_and_marked(chat, upstream):
    upstream.reply(
        Reply(chunks=sse(chunk("Hello there"), chunk(finish="stop")), content_type="text/event-stream")
    )
    await chat.call("/v1/chat/completions", {**ASK, "stream": True})
    (line,) = await chat.lines()
    assert line["is_estimated"] is True
    assert line["success"] is True
    assert line["prompt_tokens"] > 0
    assert line["completion_tokens"] == 2
    assert line["total_tokens"] == line["prompt_tokens"] + line["completion_tokens"]


async def test_provider_slash_model_picks_the_provider_and_renames_the_model(gateway, upstream):
    await gateway.add_config("first", "http://127.0.0.1:9/v1", priority=1)
    await gateway.add_config("second", upstream.url + "/v1", priority=2)
    upstream.reply(Reply(body=ANSWER))
    status, _ = await gateway.call("/v1/chat/completions", {**ASK, "model": "second/gpt-4o-mini"})
    assert status == 200
    assert upstream.received[0].json == ASK
    (line,) = await gateway.lines()
    assert line["model"] == "gpt-4o-mini"
    assert [attempt["config"] for attempt in line["metadata"]["attempts"]] == ["second"]


async def test_a_provider_that_fails_before_its_first_byte_is_followed_by_the_next(gateway, upstream):
    await gateway.add_config("dead", "http://127.0.0.1:9/v1", priority=1)
    await gateway.add_config("alive", upstream.url + "/v1", priority=2, settings={"retries": 1})
    upstream.reply(Reply(status=503, body={"error": {"message": "busy"}}), Reply(body=ANSWER))
    status, body = await gateway.call("/v1/chat/completions", ASK)
    assert (status, body) == (200, ANSWER)
    (line,) = await gateway.lines()
    attempts = line["metadata"]["attempts"]
    assert [attempt["config"] for attempt in attempts] == ["dead", "alive", "alive"]
    assert [attempt.get("status") for attempt in attempts] == [None, 503, 200]
    assert line["success"] is True
    assert len(await gateway.logs()) == 1


async def test_traceparent_and_metadata_reach_the_line(chat, upstream):
    upstream.reply(Reply(body=ANSWER))
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x_daybook_metadata": '{"job": "nightly"}'}
    await chat.call("/v1/chat/completions", ASK, **headers)
    (line,) = await chat.lines()
    assert line["trace_id"] == trace
    assert line["metadata"]["caller"] == {"job": "nightly"}


@pytest.mark.parametrize(
    ("path", "ask", "answer", "tokens"),
    [
        (
            "/v1/embeddings",
            {"model": "e", "input": ["a", "b"]},
            {"object": "list", "data": [], "model": "e", "usage": {"prompt_tokens": 5, "total_tokens": 5}},
            (5, 0, 5),
        ),
        (
            "/v1/completions",
            {"model": "c", "prompt": "once"},
            {
                "choices": [{"text": " upon"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            },
            (1, 2, 3),
        ),
        (
            "/v1/responses",
            {"model": "r", "input": "hi"},
            {
                "object": "response",
                "status": "completed",
                "error": None,
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "ho"}]}],
                "usage": {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6},
            },
            (4, 2, 6),
        ),
    ],
)
async def test_the_other_apis_are_metered_too(chat, upstream, path, ask, answer, tokens):
    upstream.reply(Reply(body=answer))
    assert await chat.call(path, ask) == (200, answer)
    assert upstream.received[0].path == path
    (line,) = await chat.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["total_tokens"]) == tokens
