"""The `anthropic` SDK against the gateway. Only base URL and key are set."""

import asyncio
import base64
import json
import os

import anthropic
import pytest
import pytest_asyncio
from pydantic import BaseModel

from support.gateway.caller import Caller
from support.gateway.recorded import Buckets
from support.gateway.upstream import Reply, sse

MODEL = "claude-any"  # the SDK warns of names that will be retired
ASK = {"model": MODEL, "max_tokens": 200, "messages": [{"role": "user", "content": "How are you?"}]}
USAGE = {
    "input_tokens": 11,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 300,
    "output_tokens": 42,
}
TOOL = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def message(*content, usage=USAGE, stop="end_turn"):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{MODEL}-20260101",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def text(words):
    return {"type": "text", "text": words}


def events(*blocks, usage=USAGE, stop="end_turn"):
    """The stream of a message; a block is its start and its deltas."""
    first = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": message(usage=first, stop=None)}
    yield {"type": "ping"}
    for index, (block, deltas) in enumerate(blocks):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": stop, "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def words(*parts):
    return text(""), [{"type": "text_delta", "text": part} for part in parts]


def streamed(*blocks, first=None, **how):
    chunks = sse(*events(*blocks), event_names=True, done=False)[:first]
    return Reply(chunks=chunks, content_type="text/event-stream; charset=utf-8", **how)


def told(usage) -> Buckets:
    """What the SDK was told that a call cost; Anthropic counts its cache beside the input."""
    cached = usage.cache_read_input_tokens or 0
    prompt = usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0)
    return Buckets(prompt, usage.output_tokens, prompt + usage.output_tokens, cached, 0)


@pytest_asyncio.fixture(scope="module")
async def gateway(gateways, upstream):
    return await gateways.open("anthropic", upstream.url, ["claude-*", "claude-other"])


@pytest_asyncio.fixture
async def caller(gateway, provider):
    return await Caller.new(gateway)


@pytest.fixture
def client(caller):
    with anthropic.Anthropic(base_url=caller.url, api_key=caller.code, max_retries=0) as client:
        yield client


@pytest_asyncio.fixture
async def aclient(caller):
    async with anthropic.AsyncAnthropic(base_url=caller.url, api_key=caller.code, max_retries=0) as client:
        yield client


async def test_a_message(caller, client, provider):
    provider.reply(Reply(body=message(text("Well, thank you."))))
    answer = await asyncio.to_thread(lambda: client.messages.create(**ASK))
    assert answer.content[0].text == "Well, thank you."
    assert provider.received[0].json == ASK
    assert provider.received[0].headers["x-api-key"] == "sk-upstream-secret"
    assert await caller.tokens() == told(answer.usage) == Buckets(316, 42, 358, 300, 0)
    _, log = await caller.one()
    assert log["response_content"] == "Well, thank you."
    assert log["request_messages"] == {"messages": ASK["messages"]}


async def test_a_code_as_a_bearer_token(caller, provider):
    provider.reply(Reply(body=message(text("Well."))))
    async with anthropic.AsyncAnthropic(base_url=caller.url, auth_token=caller.code) as client:
        answer = await client.messages.create(**ASK)
    assert await caller.tokens() == told(answer.usage)


async def test_beta_features_are_asked_for_as_the_sdk_asks(caller, aclient, provider):
    provider.reply(Reply(body=message(text("Well."))))
    answer = await aclient.beta.messages.create(**ASK, betas=["context-1m-2025-08-07"])
    assert provider.received[0].headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert await caller.tokens() == told(answer.usage)


async def test_the_stream_helper(caller, client, provider):
    provider.reply(streamed(words("Well, ", "thank ", "you.")))

    def read():
        with client.messages.stream(**ASK) as stream:
            return list(stream.text_stream), stream.get_final_message()

    parts, final = await asyncio.to_thread(read)
    assert parts == ["Well, ", "thank ", "you."]
    assert await caller.tokens() == told(final.usage) == Buckets(316, 42, 358, 300, 0)
    _, log = await caller.one()
    assert log["response_content"] == "Well, thank you."


async def test_a_plain_stream_of_events(caller, aclient, provider):
    provider.reply(streamed(words("Well.")))
    seen = [event async for event in await aclient.messages.create(**ASK, stream=True)]
    assert [event.type for event in seen] == [
        e["type"] for e in events(words("Well.")) if e["type"] != "ping"
    ]
    assert (await caller.tokens()).completion == seen[-2].usage.output_tokens


async def test_thinking_and_the_call_of_a_tool_in_a_stream(caller, aclient, provider):
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    thoughts = [
        {"type": "thinking_delta", "thinking": "Malmö, "},
        {"type": "thinking_delta", "thinking": "surely."},
        {"type": "signature_delta", "signature": "c2lnbmVk"},
    ]
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    pieces = [
        {"type": "input_json_delta", "partial_json": part} for part in ("", '{"ci', 'ty": "Mal', 'mö"}')
    ]
    provider.reply(streamed((thinking, thoughts), words("One moment."), (call, pieces)))
    more = {"tools": [TOOL], "thinking": {"type": "enabled", "budget_tokens": 1024}}
    async with aclient.messages.stream(**ASK, **more) as stream:
        final = await stream.get_final_message()
    assert (final.content[2].name, final.content[2].input) == ("weather", {"city": "Malmö"})
    assert provider.received[0].json == {**ASK, **more, "stream": True}
    assert await caller.tokens() == told(final.usage)
    _, log = await caller.one()
    assert log["response_content"] == "One moment."
    kept = log["response_data"]["content"]
    assert (kept[0]["thinking"], kept[0]["signature"]) == ("Malmö, surely.", "c2lnbmVk")
    assert kept[2]["input"] == {"city": "Malmö"}


async def test_the_result_of_a_tool_and_a_picture(caller, aclient, provider):
    data = base64.b64encode(os.urandom(200_000)).decode()
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    messages = [
        {"role": "user", "content": [text("What is this?"), picture]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}]},
    ]
    provider.reply(Reply(body=message(text("A wet cat."))))
    answer = await aclient.messages.create(model=MODEL, max_tokens=9, messages=messages, tools=[TOOL])
    assert provider.received[0].json["messages"] == messages
    assert await caller.tokens() == told(answer.usage)
    _, log = await caller.one()
    assert len(json.dumps(log["request_messages"])) < 100_000


async def test_structured_output(caller, aclient, provider):
    class Weather(BaseModel):
        city: str
        degrees: int

    provider.reply(Reply(body=message(text('{"city": "Malmö", "degrees": 13}'))))
    answer = await aclient.messages.parse(**ASK, output_format=Weather)
    assert answer.parsed_output == Weather(city="Malmö", degrees=13)
    assert await caller.tokens() == told(answer.usage)


async def test_counting_tokens_costs_nothing(caller, aclient, provider):
    provider.reply(Reply(body={"input_tokens": 2095}))
    counted = await aclient.messages.count_tokens(model=MODEL, messages=ASK["messages"], tools=[TOOL])
    assert counted.input_tokens == 2095
    assert provider.received[0].path == "/v1/messages/count_tokens"
    await caller.logs(1)
    await caller.lines(0)


async def test_the_models_that_are_there(caller, aclient, provider):
    provider.reply(Reply(body={"data": [{"id": MODEL, "type": "model"}], "has_more": False}))
    assert [model.id async for model in aclient.models.list()] == ["claude-other", MODEL]
    assert (await aclient.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(anthropic.NotFoundError):
        await aclient.models.retrieve("claude-none")


async def test_bytes_and_headers_as_they_come(caller, aclient, provider):
    provider.reply(streamed(words("Well.")))
    async with aclient.messages.with_streaming_response.create(**ASK, stream=True) as response:
        call_id = response.headers["x-daybook-call-id"]
        body = b"".join([part async for part in response.iter_bytes()])
    assert body == b"".join(sse(*events(words("Well.")), event_names=True, done=False))
    assert str((await caller.one())[0]["id"]) == call_id


async def test_twenty_streams_at_once_each_with_its_own_cost(caller, aclient, provider):
    def costing(number):
        usage = {"input_tokens": number, "output_tokens": 2 * number}
        chunks = sse(*events(words("a", "b"), usage=usage), event_names=True, done=False)
        return Reply(chunks=chunks, content_type="text/event-stream", pause=0.01)

    provider.reply(*map(costing, range(1, 21)))

    async def call():
        async with aclient.messages.stream(**ASK) as stream:
            final = await stream.get_final_message()
            return stream.response.headers["x-daybook-call-id"], told(final.usage)

    given = dict(await asyncio.gather(*(call() for _ in range(20))))
    assert sum(tokens.total for tokens in given.values()) == 3 * 210
    assert {str(line["id"]): Buckets.of(line) for line in await caller.lines(20)} == given


async def test_a_stream_left_in_the_middle_stops_the_provider_and_is_charged(caller, aclient, provider):
    provider.reply(streamed(words("Well, ", "thank you."), first=4, stall=True))
    async with aclient.messages.stream(**ASK) as stream:
        assert await anext(aiter(stream.text_stream)) == "Well, "
    await asyncio.wait_for(provider.left.wait(), 5)
    line, log = await caller.one()
    assert (line["success"], log["status"], log["response_content"]) == (False, "error", "Well, ")
    # message_start had told the prompt and a first output token by then; what came after is counted here
    assert Buckets.of(line) == Buckets(316, 3, 319, 300, 0)
    assert line["is_estimated"]


async def test_a_bad_code(caller, provider):
    async with anthropic.AsyncAnthropic(base_url=caller.url, api_key="sk-ant-of-another-house") as client:
        with pytest.raises(anthropic.AuthenticationError, match="is unknown") as refused:
            await client.messages.create(**ASK)
    assert refused.value.body["error"]["type"] == "authentication_error"
    assert provider.received == []


async def test_an_unknown_model(caller, aclient):
    with pytest.raises(anthropic.NotFoundError) as refused:
        await aclient.messages.create(**{**ASK, "model": "gpt-none"})
    assert refused.value.body["error"]["type"] == "not_found_error"
    await caller.logs(1)
    await caller.lines(0)


async def test_limits_of_the_code_and_of_the_provider(gateway, caller, aclient, provider):
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}
    provider.reply(Reply(status=429, body=error, headers={"retry-after": "7"}), Reply(body=message()))
    with pytest.raises(anthropic.RateLimitError) as refused:
        await aclient.messages.create(**ASK)
    assert (refused.value.body, refused.value.response.headers["retry-after"]) == (error, "7")
    limited = await Caller.new(gateway, tokens_per_minute=100)
    async with anthropic.AsyncAnthropic(base_url=limited.url, api_key=limited.code, max_retries=0) as client:
        await client.messages.create(**ASK)
        with pytest.raises(anthropic.RateLimitError) as refused:
            await client.messages.create(**ASK)
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 62
    assert refused.value.body["error"]["type"] == "rate_limit_error"
    await limited.lines(1)
    await limited.logs(2)


async def test_an_overloaded_provider_before_and_within_a_stream(caller, aclient, provider):
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    within = [*list(events(words("Well")))[:4], error]
    provider.reply(
        Reply(status=529, body=error),
        Reply(chunks=sse(*within, event_names=True, done=False), content_type="text/event-stream"),
    )
    with pytest.raises(anthropic.APIStatusError, match="Overloaded") as refused:
        await aclient.messages.create(**ASK)
    assert refused.value.status_code >= 500
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        async with aclient.messages.stream(**ASK) as stream:
            await stream.get_final_message()
    lines = await caller.lines(2)
    assert [(line["success"], line["total_tokens"]) for line in lines] == [(False, 0), (False, 317)]


async def test_a_provider_that_is_down(gateways):
    caller = await Caller.new(await gateways.open("anthropic", "http://127.0.0.1:9"))
    async with anthropic.AsyncAnthropic(base_url=caller.url, api_key=caller.code, max_retries=0) as client:
        with pytest.raises(anthropic.InternalServerError) as refused:
            await client.messages.create(**ASK)
    assert refused.value.status_code == 502
    assert refused.value.body["error"]["type"] == "api_error"
