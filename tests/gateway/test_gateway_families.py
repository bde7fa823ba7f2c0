"""Anthropic's and Gemini's APIs through the gateway, and models and limits in the shape of each."""

import asyncio
import json

import pytest

from support.gateway.upstream import Reply, sse

MESSAGE = {"model": "claude-sonnet-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
CONTENTS = {"contents": [{"parts": [{"text": "hi"}]}]}


@pytest.fixture
async def anthropic(gateway, upstream):
    await gateway.add_config(
        "anthropic", upstream.url, provider="anthropic", models=["claude-*"], key="sk-ant-secret"
    )
    return gateway


@pytest.fixture
async def gemini(gateway, upstream):
    await gateway.add_config(
        "gemini", upstream.url, provider="gemini", models=["gemini-2.5-flash"], key="AIza-secret"
    )
    return gateway


async def test_a_message_counts_its_cache_as_prompt(anthropic, upstream):
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 5,
        "output_tokens": 7,
    }
    answer = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "usage": usage,
    }
    upstream.reply(Reply(body=answer))
    headers = {"x-api-key": anthropic.code, "anthropic-version": "2023-06-01", "anthropic-beta": "tools-1"}
    async with anthropic.http.post(anthropic.url + "/v1/messages", json=MESSAGE, headers=headers) as response:
        assert (response.status, await response.json()) == (200, answer)
    seen = upstream.received[0]
    assert seen.path == "/v1/messages"
    assert seen.headers["x-api-key"] == "sk-ant-secret"
    assert seen.headers["anthropic-beta"] == "tools-1"
    assert "authorization" not in seen.headers
    (line,) = await anthropic.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["total_tokens"]) == (45, 7, 52)
    assert line["cached_tokens"] == 30
    assert line["provider"] == "anthropic"
    assert line["cost"] is not None
    assert (await anthropic.logs())[0]["response_content"] == "hello"


async def test_a_stream_of_messages_is_read_to_its_last_usage(anthropic, upstream):
    events = sse(
        {
            "type": "message_start",
            "message": {"model": "c", "usage": {"input_tokens": 9, "output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}},
        {"type": "message_stop"},
        event_names=True,
        done=False,
    )
    upstream.reply(Reply(chunks=events, content_type="text/event-stream"))
    async with anthropic.post("/v1/messages", {**MESSAGE, "stream": True}) as response:
        assert await response.read() == b"".join(events)
    (line,) = await anthropic.lines()
    assert (line["prompt_tokens"], line["completion_tokens"]) == (9, 12)
    assert (line["success"], line["is_estimated"]) == (True, False)
    assert (await anthropic.logs())[0]["response_content"] == "hello"


async def test_what_a_stream_had_reported_when_it_broke_off_is_the_least_that_it_cost(anthropic, upstream):
    words = "one two three four five six seven eight nine ten eleven twelve"
    events = sse(
        {"type": "message_start", "message": {"usage": {"input_tokens": 900, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": words}},
        event_names=True,
        done=False,
    )
    upstream.reply(Reply(chunks=events, content_type="text/event-stream", cut=True))
    async with anthropic.post("/v1/messages", {**MESSAGE, "stream": True}) as response:
        await response.read()
    (line,) = await anthropic.lines()
    assert (line["success"], line["is_estimated"], line["prompt_tokens"]) == (False, True, 900)
    assert line["completion_tokens"] >= 12
    assert line["total_tokens"] == line["prompt_tokens"] + line["completion_tokens"]


@pytest.mark.parametrize("how", ["header", "query"])
async def test_gemini_takes_the_code_as_its_sdk_sends_it(gemini, upstream, how):
    answer = {
        "candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 4,
            "candidatesTokenCount": 2,
            "thoughtsTokenCount": 10,
            "totalTokenCount": 16,
        },
        "modelVersion": "gemini-2.5-flash",
    }
    upstream.reply(Reply(body=answer))
    headers = {"x-goog-api-key": gemini.code} if how == "header" else {}
    query = f"?key={gemini.code}" if how == "query" else ""
    url = f"{gemini.url}/v1beta/models/gemini-2.5-flash:generateContent{query}"
    async with gemini.http.post(url, json=CONTENTS, headers=headers) as response:
        assert (response.status, await response.json()) == (200, answer)
    seen = upstream.received[0]
    assert seen.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert seen.headers["x-goog-api-key"] == "AIza-secret"
    (line,) = await gemini.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["reasoning_tokens"]) == (4, 12, 10)
    assert line["model"] == "gemini-2.5-flash"
    (log,) = await gemini.logs()
    assert gemini.code not in json.dumps(log, default=str)
    assert (
        log["request_messages"] == {"contents": CONTENTS["contents"]}
        or log["request_messages"] == CONTENTS["contents"]
    )


@pytest.mark.parametrize("sse_asked", [True, False])
async def test_gemini_streams_as_events_and_as_one_array(gemini, upstream, sse_asked):
    def part(text, tokens, finish=None):
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = {"promptTokenCount": 3, "candidatesTokenCount": tokens, "totalTokenCount": 3 + tokens}
        return {"candidates": [candidate], "usageMetadata": usage}

    parts = [part("hel", 1), part("lo", 2, "STOP")]
    if sse_asked:
        chunks, kind, query = sse(*parts, done=False), "text/event-stream", "?alt=sse"
    else:
        chunks = [b"[" + json.dumps(parts[0]).encode(), b",\r\n" + json.dumps(parts[1]).encode(), b"]"]
        kind, query = "application/json", ""
    upstream.reply(Reply(chunks=chunks, content_type=kind))
    path = f"/v1beta/models/gemini-2.5-flash:streamGenerateContent{query}"
    async with gemini.post(path, CONTENTS) as response:
        assert await response.read() == b"".join(chunks)
    assert upstream.received[0].query == query.removeprefix("?")
    (line,) = await gemini.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["total_tokens"]) == (3, 2, 5)
    assert (await gemini.logs())[0]["response_content"] == "hello"


async def test_counting_tokens_leaves_a_log_and_no_line(anthropic, upstream):
    upstream.reply(Reply(body={"input_tokens": 12}))
    assert await anthropic.call("/v1/messages/count_tokens", MESSAGE) == (200, {"input_tokens": 12})
    (log,) = await anthropic.logs()
    assert (log["status"], log["usage_id"], log["api"]) == ("success", None, "count_tokens")
    assert await anthropic.rows("SELECT 1 FROM llm_tracker_usage") == []


async def test_lists_of_models_come_in_the_shape_of_the_api_that_asks(gateway, upstream):
    await gateway.add_config("demo", upstream.url + "/v1", models=["daybook-demo"], priority=1000)
    await gateway.add_config("anthropic", upstream.url, provider="anthropic", models=["claude-a", "claude-b"])
    await gateway.add_config("gemini", upstream.url, provider="gemini", models=["gemini-x"], priority=50)

    async def get(path, **headers):
        async with gateway.http.get(gateway.url + path, headers=gateway.headers(**headers)) as response:
            return response.status, await response.json()

    status, openai = await get("/v1/models")
    assert status == 200
    assert [model["id"] for model in openai["data"]] == ["gemini-x", "claude-a", "claude-b", "daybook-demo"]
    assert "demo model" in openai["data"][-1]["name"]
    _, anthropic = await get("/v1/models", anthropic_version="2023-06-01")
    assert [model["id"] for model in anthropic["data"]] == ["claude-a", "claude-b", "daybook-demo"]
    assert anthropic["first_id"] == "claude-a"
    _, gemini = await get("/v1beta/models")
    assert [model["name"] for model in gemini["models"]] == ["models/gemini-x"]
    assert (await get("/v1/models/claude-a"))[1]["id"] == "claude-a"
    status, missing = await get("/v1/models/nothing")
    assert (status, missing["error"]["code"]) == (404, "model_not_found")
    logs = await gateway.logs(5)
    assert {log["usage_id"] for log in logs} == {None}


async def test_patterns_are_filled_in_from_the_providers_own_list(gateway, upstream):
    await gateway.add_config("main", upstream.url + "/v1", models=["gpt-*"])
    upstream.reply(Reply(body={"object": "list", "data": [{"id": "gpt-4o"}, {"id": "whisper-1"}]}))
    async with gateway.http.get(gateway.url + "/v1/models", headers=gateway.headers()) as response:
        assert [model["id"] for model in (await response.json())["data"]] == ["gpt-4o"]


async def test_requests_per_minute_end_in_429_with_the_time_to_wait(chat, upstream):
    upstream.reply(Reply(body={"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}))
    code = await chat.add_code(requests_per_minute=2)
    headers = {"authorization": f"Bearer {code}"}
    ask = {"model": "m", "messages": []}
    statuses = []
    for _ in range(3):
        async with chat.http.post(chat.url + "/v1/chat/completions", json=ask, headers=headers) as response:
            statuses.append(response.status)
    assert statuses == [200, 200, 429]
    assert 50 <= int(response.headers["retry-after"]) <= 62
    assert len(await chat.logs(3)) == 3
    assert len(await chat.lines(2)) == 2


async def test_tokens_per_minute_end_in_429(chat, upstream):
    usage = {"prompt_tokens": 60, "completion_tokens": 60, "total_tokens": 120}
    upstream.reply(Reply(body={"choices": [], "usage": usage}))
    code = await chat.add_code(tokens_per_minute=100)
    headers = {"authorization": f"Bearer {code}"}
    statuses = []
    for _ in range(2):
        async with chat.http.post(
            chat.url + "/v1/chat/completions", json={"model": "m", "messages": []}, headers=headers
        ) as response:
            statuses.append((response.status, (await response.json()).get("error", {}).get("code")))
    assert statuses == [(200, None), (429, "tokens_per_minute")]


async def test_a_code_may_use_only_its_models(chat, upstream):
    upstream.reply(Reply(body={"choices": []}))
    code = await chat.add_code(models=["gpt-*"])
    headers = {"authorization": f"Bearer {code}"}
    for model, status in (("gpt-4o", 200), ("claude", 403)):
        ask = {"model": model, "messages": []}
        async with chat.http.post(chat.url + "/v1/chat/completions", json=ask, headers=headers) as response:
            assert response.status == status
            body = await response.json()
    assert body["error"]["code"] == "model_not_allowed"


async def test_a_code_bound_to_a_model_may_name_its_provider_too(chat, upstream):
    upstream.reply(Reply(body={"choices": []}))
    code = await chat.add_code(models=["gpt-4o"])
    headers = {"authorization": f"Bearer {code}"}
    for model, status in (("main/gpt-4o", 200), ("main/gpt-5", 403)):
        ask = {"model": model, "messages": []}
        async with chat.http.post(chat.url + "/v1/chat/completions", json=ask, headers=headers) as response:
            assert response.status == status


async def test_a_stream_that_said_it_is_over_is_over(chat, upstream):
    chunks = sse({"choices": [{"delta": {"content": "ho"}, "finish_reason": "stop", "index": 0}]})
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream", stall=True))
    ask = {"model": "m", "messages": [], "stream": True}
    async with chat.post("/v1/chat/completions", ask) as response:
        assert await asyncio.wait_for(response.read(), 3) == b"".join(chunks)
    assert (await chat.lines())[0]["success"] is True


async def test_a_model_that_is_named_is_not_sent_to_a_pattern_that_comes_first(gateway, upstream):
    await gateway.add_config("all", "http://127.0.0.1:9/v1", models=["*"], priority=1)
    await gateway.add_config("demo", upstream.url + "/v1", models=["daybook-demo"], priority=1000)
    upstream.reply(Reply(body={"choices": []}))
    assert (await gateway.call("/v1/chat/completions", {"model": "daybook-demo", "messages": []}))[0] == 200
    assert len((await gateway.lines())[0]["metadata"]["attempts"]) == 1


async def test_a_name_with_a_slash_that_is_configured_so_is_not_taken_apart(gateway, upstream):
    await gateway.add_config("openai", "http://127.0.0.1:9/v1", priority=1)
    await gateway.add_config("router", upstream.url + "/v1", models=["openai/gpt-4o"], priority=2)
    upstream.reply(Reply(body={"choices": []}))
    assert (await gateway.call("/v1/chat/completions", {"model": "openai/gpt-4o", "messages": []}))[0] == 200
    assert upstream.received[0].json["model"] == "openai/gpt-4o"


async def test_a_moderation_need_not_name_its_model(chat, upstream):
    upstream.reply(
        Reply(body={"id": "m", "model": "omni-moderation-latest", "results": [{"flagged": False}]})
    )
    assert (await chat.call("/v1/moderations", {"input": "hello"}))[0] == 200
    assert upstream.received[0].json == {"input": "hello"}
    (line,) = await chat.lines()
    assert (line["model"], line["total_tokens"]) == ("omni-moderation-latest", 0)
