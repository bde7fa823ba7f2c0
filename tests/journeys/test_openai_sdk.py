"""The `openai` SDK against the gateway: chat, and what surrounds it. Only base URL and key are set."""

import asyncio
import base64
import json
import os

import openai
import pytest
import pytest_asyncio
from pydantic import BaseModel

from support.gateway.caller import Caller
from support.gateway.recorded import Buckets
from support.gateway.upstream import Reply, sse

MODEL = "gpt-4o-mini"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "What is the weather in Malmö?"}]}
USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 31,
    "total_tokens": 151,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 12},
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def completion(usage=USAGE, **message):
    message = {"role": "assistant", "content": None, **message}
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage,
    }


def chunk(delta=None, finish=None, usage=None):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return {**base, "choices": choices, "usage": usage}


def streamed(*chunks, **how):
    return Reply(chunks=sse(*chunks), content_type="text/event-stream; charset=utf-8", **how)


HELLO = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Mild, "}),
    chunk({"content": "13 °C."}),
    chunk({}, "stop"),
    chunk(usage=USAGE),
]


def told(usage) -> Buckets:
    """What the SDK was told that a call cost."""
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return Buckets(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        prompt.cached_tokens if prompt else 0,
        completion.reasoning_tokens if completion else 0,
    )


@pytest_asyncio.fixture(scope="module")
async def gateway(gateways, upstream):
    return await gateways.open("openai", upstream.url + "/v1", ["gpt-*", "text-embedding-3-small"])


@pytest_asyncio.fixture
async def caller(gateway, provider):
    return await Caller.new(gateway)


@pytest.fixture
def client(caller):
    with openai.OpenAI(base_url=caller.url + "/v1", api_key=caller.code, max_retries=0) as client:
        yield client


@pytest_asyncio.fixture
async def aclient(caller):
    async with openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=caller.code, max_retries=0) as client:
        yield client


def chat(client, **more):
    """A call of the synchronous SDK, beside the gateway's event loop."""
    return asyncio.to_thread(lambda: client.chat.completions.create(**{**ASK, **more}))


async def test_an_answer(caller, client, provider):
    provider.reply(Reply(body=completion(content="Mild, 13 °C.")))
    answer = await chat(client, temperature=0.2)
    assert answer.choices[0].message.content == "Mild, 13 °C."
    assert provider.received[0].json == {**ASK, "temperature": 0.2}
    assert await caller.tokens() == told(answer.usage) == Buckets(120, 31, 151, 64, 12)
    _, log = await caller.one()
    assert log["response_content"] == "Mild, 13 °C."
    assert log["request_messages"] == ASK["messages"]


@pytest.mark.parametrize("asks", [True, False])
async def test_a_stream_shows_its_usage_to_who_asks_and_to_the_ledger_always(caller, client, provider, asks):
    provider.reply(streamed(*HELLO))
    options = {"stream_options": {"include_usage": True}} if asks else {}

    def read():
        return list(client.chat.completions.create(**ASK, stream=True, **options))

    chunks = await asyncio.to_thread(read)
    text = "".join(choice.delta.content or "" for part in chunks for choice in part.choices)
    assert text == "Mild, 13 °C."
    assert all(part.choices for part in chunks[:-1])
    tokens = await caller.tokens()
    if asks:
        assert told(chunks[-1].usage) == tokens
    else:
        assert chunks[-1].choices[0].finish_reason == "stop"
    assert tokens == Buckets(120, 31, 151, 64, 12)


async def test_tool_calls_come_together_from_the_pieces_of_a_stream(caller, aclient, provider):
    def call(index, arguments, **more):
        return {"tool_calls": [{"index": index, "function": {"arguments": arguments}, **more}]}

    def named(city, number):
        return {
            "tool_calls": [
                {
                    "index": number,
                    "id": f"call_{number}",
                    "type": "function",
                    "function": {"name": "weather", "arguments": ""},
                }
            ]
        }

    provider.reply(
        streamed(
            chunk({"role": "assistant", "content": None}),
            chunk(named("Malmö", 0)),
            chunk(call(0, '{"ci')),
            chunk(call(0, 'ty":"Malmö"}')),
            chunk(named("Лунд", 1)),
            chunk(call(1, '{"city":"Лунд"}')),
            chunk({}, "tool_calls"),
            chunk(usage=USAGE),
        )
    )
    async with aclient.chat.completions.stream(
        **ASK, tools=[TOOL], stream_options={"include_usage": True}
    ) as stream:
        answer = await stream.get_final_completion()
    calls = answer.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Malmö"}, {"city": "Лунд"}]
    assert provider.received[0].json["tools"] == [TOOL]
    assert await caller.tokens() == told(answer.usage)
    _, log = await caller.one()
    kept = log["response_data"]["choices"][0]["message"]["tool_calls"]
    assert [call["id"] for call in kept] == ["call_0", "call_1"]
    assert [json.loads(call["function"]["arguments"])["city"] for call in kept] == ["Malmö", "Лунд"]


async def test_a_conversation_with_a_tool_result_and_a_picture(caller, aclient, provider):
    picture = "data:image/png;base64," + base64.b64encode(os.urandom(300_000)).decode()
    call = {"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": picture}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0", "content": "rain"},
    ]
    provider.reply(Reply(body=completion(content="A wet cat.")))
    answer = await aclient.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
    assert provider.received[0].json["messages"] == messages
    assert await caller.tokens() == told(answer.usage)
    _, log = await caller.one()
    assert len(json.dumps(log["request_messages"])) < 100_000  # what was asked is kept, the picture is not


async def test_json_mode_and_structured_output(caller, client, provider):
    class Weather(BaseModel):
        city: str
        degrees: int

    provider.reply(Reply(body=completion(content='{"city": "Malmö", "degrees": 13}')))
    answer = await asyncio.to_thread(lambda: client.chat.completions.parse(**ASK, response_format=Weather))
    assert answer.choices[0].message.parsed == Weather(city="Malmö", degrees=13)
    asked = provider.received[0].json["response_format"]
    assert asked["json_schema"]["schema"]["required"] == ["city", "degrees"]
    assert await caller.tokens() == told(answer.usage)
    await chat(client, response_format={"type": "json_object"})
    assert provider.received[1].json["response_format"] == {"type": "json_object"}


async def test_bytes_and_headers_as_they_come(caller, client, provider):
    provider.reply(streamed(*HELLO))

    def read():
        with client.chat.completions.with_streaming_response.create(**ASK, stream=True) as response:
            return response.headers["x-daybook-call-id"], b"".join(response.iter_bytes())

    call_id, body = await asyncio.to_thread(read)
    assert body == b"".join(sse(*HELLO[:-1]))
    line, _ = await caller.one()
    assert str(line["id"]) == call_id


@pytest.mark.parametrize("stream", [False, True])
async def test_twenty_calls_at_once_each_with_its_own_cost(caller, aclient, provider, stream):
    def costing(number):
        usage = {"prompt_tokens": number, "completion_tokens": 2 * number, "total_tokens": 3 * number}
        if stream:
            return streamed(
                chunk({"content": f"{number}"}), chunk({}, "stop"), chunk(usage=usage), pause=0.01
            )
        return Reply(body=completion(usage, content=f"{number}"), delay=0.05)

    provider.reply(*(costing(number) for number in range(1, 21)))

    async def call():
        if not stream:
            answer = await aclient.chat.completions.with_raw_response.create(**ASK)
            return answer.headers["x-daybook-call-id"], told(answer.parse().usage)
        options = {"stream": True, "stream_options": {"include_usage": True}}
        answer = await aclient.chat.completions.with_raw_response.create(**ASK, **options)
        return answer.headers["x-daybook-call-id"], told([part async for part in answer.parse()][-1].usage)

    given = dict(await asyncio.gather(*(call() for _ in range(20))))
    assert sum(tokens.total for tokens in given.values()) == 3 * 210
    assert {str(line["id"]): Buckets.of(line) for line in await caller.lines(20)} == given
    assert [log["status"] for log in await caller.logs(20)] == ["success"] * 20


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_stream_left_in_the_middle_stops_the_provider_and_is_charged(
    caller, client, aclient, provider, asynchronous
):
    provider.reply(streamed(*HELLO[:2], stall=True))
    if asynchronous:
        stream = await aclient.chat.completions.create(**ASK, stream=True)
        async for part in stream:
            if part.choices[0].delta.content:
                break
        await stream.close()
    else:
        stream = await chat(client, stream=True)
        await asyncio.to_thread(lambda: [next(stream), next(stream)])
        await asyncio.to_thread(stream.close)
    await asyncio.wait_for(provider.left.wait(), 5)
    line, log = await caller.one()
    assert (line["success"], line["is_estimated"], log["status"]) == (False, True, "error")
    assert line["prompt_tokens"] > 5
    assert line["completion_tokens"] > 0
    assert log["response_content"] == "Mild, "
