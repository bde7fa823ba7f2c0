"""The `openai` SDK against the gateway: the other APIs, the models, and how errors arrive."""

import array
import asyncio
import base64

import openai
import pytest
import pytest_asyncio

from support.gateway.caller import Caller
from support.gateway.recorded import Buckets
from support.gateway.upstream import Reply, sse

MODEL = "gpt-4o-mini"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
USAGE = {
    "input_tokens": 40,
    "input_tokens_details": {"cached_tokens": 16},
    "output_tokens": 25,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 65,
}
TOKENS = Buckets(40, 25, 65, 16, 20)
EVERY = ["gpt-*", "text-embedding-3-small", "omni-moderation-latest", "whisper-1", "dall-e-3"]


def response(status="completed", output=(), usage=USAGE, **more):
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": MODEL,
        "output": list(output),
        "parallel_tool_calls": True,
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1,
        "usage": usage,
        **more,
    }


def message(text):
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


def told(usage) -> Buckets:
    return Buckets(
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens_details.reasoning_tokens,
    )


@pytest_asyncio.fixture(scope="module")
async def gateway(gateways, upstream):
    return await gateways.open("openai", upstream.url + "/v1", EVERY)


@pytest_asyncio.fixture
async def caller(gateway, provider):
    return await Caller.new(gateway)


@pytest_asyncio.fixture
async def client(caller):
    async with openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=caller.code, max_retries=0) as client:
        yield client


async def test_a_response(caller, client, provider):
    provider.reply(Reply(body=response(output=[message("Hello!")])))
    answer = await client.responses.create(model=MODEL, input="hi", instructions="Be short.")
    assert answer.output_text == "Hello!"
    assert await caller.tokens() == told(answer.usage) == TOKENS
    _, log = await caller.one()
    assert log["response_content"] == "Hello!"


async def test_a_stream_of_response_events_with_a_call_of_a_tool(caller, client, provider):
    call = {
        "id": "fc_1",
        "type": "function_call",
        "call_id": "call_1",
        "name": "weather",
        "arguments": "",
        "status": "in_progress",
    }
    done = {**call, "arguments": '{"city":"Malmö"}', "status": "completed"}
    events = [
        {"type": "response.created", "response": response("in_progress", usage=None)},
        {"type": "response.output_item.added", "output_index": 0, "item": call},
        *(
            {
                "type": "response.function_call_arguments.delta",
                "item_id": "fc_1",
                "output_index": 0,
                "delta": part,
            }
            for part in ('{"city"', ':"Malmö"}')
        ),
        {
            "type": "response.function_call_arguments.done",
            "item_id": "fc_1",
            "name": "weather",
            "output_index": 0,
            "arguments": done["arguments"],
        },
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": response(output=[done])},
    ]
    events = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    provider.reply(Reply(chunks=sse(*events, event_names=True, done=False), content_type="text/event-stream"))
    tool = {
        "type": "function",
        "name": "weather",
        "parameters": {"type": "object", "properties": {}},
        "strict": None,
    }
    async with client.responses.stream(model=MODEL, input="hi", tools=[tool]) as stream:
        seen = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert seen == [event["type"] for event in events]
    assert final.output[0].arguments == '{"city":"Malmö"}'
    assert provider.received[0].json["tools"] == [tool]
    assert await caller.tokens() == told(final.usage) == TOKENS
    _, log = await caller.one()
    assert log["response_data"]["output"] == [done]


async def test_a_response_that_failed_costs_what_it_says_and_is_an_error(caller, client, provider):
    failed = response("failed", error={"code": "server_error", "message": "The model gave up."})
    events = [{"type": "response.failed", "response": failed, "sequence_number": 0}]
    provider.reply(Reply(chunks=sse(*events, event_names=True, done=False), content_type="text/event-stream"))
    stream = await client.responses.create(model=MODEL, input="hi", stream=True)
    assert [event.type async for event in stream] == ["response.failed"]
    line, log = await caller.one()
    assert (line["success"], log["status"]) == (False, "error")
    assert "The model gave up." in log["error_message"]
    assert Buckets.of(line) == TOKENS


async def test_embeddings_as_the_sdk_asks_for_them_in_base64(caller, client, provider):
    numbers = array.array("f", [0.5, -1.0, 0.25])
    data = [{"object": "embedding", "index": 0, "embedding": base64.b64encode(numbers.tobytes()).decode()}]
    usage = {"prompt_tokens": 9, "total_tokens": 9}
    provider.reply(
        Reply(body={"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage})
    )
    answer = await client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert answer.data[0].embedding == [0.5, -1.0, 0.25]
    assert provider.received[0].json["encoding_format"] == "base64"
    assert await caller.tokens() == Buckets(answer.usage.prompt_tokens, 0, answer.usage.total_tokens, 0, 0)


async def test_counting_input_tokens_costs_nothing(caller, client, provider):
    provider.reply(Reply(body={"object": "response.input_tokens", "input_tokens": 11}))
    counted = await client.responses.input_tokens.count(model=MODEL, input="hi")
    assert counted.input_tokens == 11
    await caller.logs(1)
    await caller.lines(0)


async def test_legacy_completions_moderation_pictures_and_speech_to_text(caller, client, provider):
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    choice = {"index": 0, "text": " upon a time", "finish_reason": "stop", "logprobs": None}
    provider.reply(
        Reply(
            body={
                "id": "c",
                "object": "text_completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
                "usage": usage,
            }
        ),
        Reply(body={"id": "modr-1", "model": "omni-moderation-latest", "results": []}),
        Reply(body={"created": 1, "data": [{"b64_json": "aGk="}]}),
        Reply(body={"text": "Hello.", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 3}}),
    )
    answer = await client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once")
    assert answer.choices[0].text == " upon a time"
    await client.moderations.create(model="omni-moderation-latest", input="hi")
    picture = await client.images.generate(model="dall-e-3", prompt="a cat")
    assert picture.data[0].b64_json == "aGk="
    sound = b"RIFF" + bytes(range(256)) * 40
    speech = await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", sound), language="en")
    assert speech.text == "Hello."
    assert sound in provider.received[3].body
    assert [request.path for request in provider.received] == [
        "/v1/completions", "/v1/moderations", "/v1/images/generations", "/v1/audio/transcriptions"
    ]  # fmt: skip
    lines = await caller.lines(4)
    assert [line["success"] for line in lines] == [True] * 4
    assert [lines[at]["total_tokens"] for at in (0, 1, 3)] == [12, 0, 17]


async def test_the_models_that_are_there(caller, client, provider):
    provider.reply(Reply(body={"object": "list", "data": [{"id": MODEL}, {"id": "secret-model"}]}))
    listed = [model.id async for model in await client.models.list()]
    assert listed == [*EVERY[1:], MODEL]
    assert (await client.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("secret-model")
    await caller.lines(0)


async def test_a_bad_code(caller, provider):
    bad = caller.code[:-1] + ("0" if caller.code[-1] != "0" else "1")
    for code in ("sk-of-another-house", bad):
        client = openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=code, max_retries=0)
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.chat.completions.create(**CHAT)
        assert refused.value.code == "invalid_code"
        assert "is unknown" in refused.value.message
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
        await client.close()
    assert provider.received == []


async def test_an_unknown_model(caller, client, provider):
    with pytest.raises(openai.NotFoundError) as refused:
        await client.chat.completions.create(model="claude-none", messages=CHAT["messages"])
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    (log,) = await caller.logs(1)
    assert log["status"] == "error"
    await caller.lines(0)


async def test_a_limit_of_the_code_says_when_to_come_back(gateway, provider):
    provider.reply(Reply(body={"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}))
    caller = await Caller.new(gateway, requests_per_minute=1)
    client = openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=caller.code, max_retries=0)
    await client.chat.completions.create(**CHAT)
    with pytest.raises(openai.RateLimitError) as refused:
        await client.chat.completions.create(**CHAT)
    assert refused.value.code == "requests_per_minute"
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 62
    await client.close()
    await caller.logs(2)
    await caller.lines(1)


async def test_a_limit_of_the_provider_is_passed_on_with_its_retry_after(caller, client, provider):
    error = {"message": "Slow down.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    provider.reply(Reply(status=429, body={"error": error}, headers={"retry-after": "7"}))
    with pytest.raises(openai.RateLimitError) as refused:
        await client.chat.completions.create(**CHAT)
    assert refused.value.body == error
    assert refused.value.response.headers["retry-after"] == "7"
    line, log = await caller.one()
    assert (line["success"], line["total_tokens"], log["status"]) == (False, 0, "error")


async def test_a_request_that_the_provider_finds_wrong(caller, client, provider):
    error = {
        "message": "temperature is 9",
        "type": "invalid_request_error",
        "param": "temperature",
        "code": None,
    }
    provider.reply(Reply(status=400, body={"error": error}))
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(**CHAT, temperature=9)
    assert refused.value.param == "temperature"
    line, _ = await caller.one()
    assert (line["success"], line["total_tokens"]) == (False, 0)


async def test_a_provider_that_is_down(gateways):
    caller = await Caller.new(await gateways.open("openai", "http://127.0.0.1:9/v1"))
    async with openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=caller.code, max_retries=0) as client:
        for more in ({}, {"stream": True}):
            with pytest.raises(openai.InternalServerError) as refused:
                await client.chat.completions.create(**CHAT, **more)
            assert (refused.value.status_code, refused.value.code) == (502, "upstream_unreachable")
    lines = await caller.lines(2)
    assert {(line["success"], line["total_tokens"]) for line in lines} == {(False, 0)}


async def test_a_stream_that_breaks_off_is_no_answer_to_the_sdk(caller, client, provider):
    part = {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
    provider.reply(Reply(chunks=sse(part, done=False), content_type="text/event-stream", cut=True))
    stream = await client.chat.completions.create(**CHAT, stream=True)
    with pytest.raises(openai.APIError, match="broke off"):
        [chunk async for chunk in stream]
    line, log = await caller.one()
    assert (line["success"], line["is_estimated"], log["response_content"]) == (False, True, "Hel")


async def test_the_sdk_tries_again_by_itself_and_each_try_is_a_call(caller, provider):
    provider.reply(
        Reply(status=429, body={"error": {"message": "Slow down."}}, headers={"retry-after": "0"}),
        Reply(body={"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
    )
    async with openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=caller.code) as client:
        await asyncio.wait_for(client.chat.completions.create(**CHAT), 10)
    lines = await caller.lines(2)
    assert [(line["success"], line["total_tokens"]) for line in lines] == [(False, 0), (True, 2)]
