"""The `google-genai` SDK against the gateway. Only base URL and key are set."""

import asyncio
import base64
import json
import os

import pytest
import pytest_asyncio
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from support.gateway.caller import Caller
from support.gateway.recorded import Buckets
from support.gateway.upstream import Reply, sse

# The SDK's own affair with aiohttp.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

MODEL = "gemini-2.5-flash"
USAGE = {
    "promptTokenCount": 210,
    "cachedContentTokenCount": 128,
    "toolUsePromptTokenCount": 15,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 33,
    "totalTokenCount": 278,
}
TOKENS = Buckets(225, 53, 278, 128, 33)


def answer(*parts, usage=USAGE, finish="STOP"):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    found = {"candidates": [candidate], "modelVersion": MODEL, "responseId": "r1"}
    return found if usage is None else {**found, "usageMetadata": usage}


def streamed(*chunks, **how):
    return Reply(chunks=sse(*chunks, done=False), content_type="text/event-stream", **how)


HELLO = [
    answer({"text": "Let me think.", "thought": True}, usage={"promptTokenCount": 210}, finish=None),
    answer({"text": "Well, "}, usage={**USAGE, "candidatesTokenCount": 3}, finish=None),
    answer({"text": "thank you."}),
]


def told(usage) -> Buckets:
    """What the SDK was told that a call cost; Gemini counts thoughts and what tools used apart."""
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    thoughts = usage.thoughts_token_count or 0
    completion = (usage.candidates_token_count or 0) + thoughts
    assert usage.total_token_count == prompt + completion
    return Buckets(prompt, completion, prompt + completion, usage.cached_content_token_count or 0, thoughts)


def client_of(url, code):
    return genai.Client(api_key=code, http_options=types.HttpOptions(base_url=url))


@pytest_asyncio.fixture(scope="module")
async def gateway(gateways, upstream):
    return await gateways.open("gemini", upstream.url, ["gemini-*", "gemini-other"])


@pytest_asyncio.fixture
async def caller(gateway, provider):
    return await Caller.new(gateway)


@pytest_asyncio.fixture
async def client(caller):
    with client_of(caller.url, caller.code) as client:
        yield client
        await client.aio.aclose()


async def test_an_answer(caller, client, provider):
    provider.reply(Reply(body=answer({"text": "Well, thank you."})))
    config = types.GenerateContentConfig(system_instruction="Be short.", temperature=0.3)

    def ask():
        return client.models.generate_content(model=MODEL, contents="How are you?", config=config)

    found = await asyncio.to_thread(ask)
    assert found.text == "Well, thank you."
    seen = provider.received[0]
    assert seen.path == f"/v1beta/models/{MODEL}:generateContent"
    assert seen.headers["x-goog-api-key"] == "sk-upstream-secret"
    assert seen.json["generationConfig"]["temperature"] == 0.3
    assert await caller.tokens() == told(found.usage_metadata) == TOKENS
    _, log = await caller.one()
    assert log["response_content"] == "Well, thank you."
    assert "How are you?" in json.dumps(log["request_messages"])
    assert "Be short." in json.dumps(log["request_messages"])


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_stream(caller, client, provider, asynchronous):
    provider.reply(streamed(*HELLO))
    if asynchronous:
        stream = await client.aio.models.generate_content_stream(model=MODEL, contents="How are you?")
        chunks = [chunk async for chunk in stream]
    else:
        chunks = await asyncio.to_thread(
            lambda: list(client.models.generate_content_stream(model=MODEL, contents="How are you?"))
        )
    assert [chunk.text or "" for chunk in chunks] == ["", "Well, ", "thank you."]
    assert provider.received[0].path == f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
    assert await caller.tokens() == told(chunks[-1].usage_metadata) == TOKENS
    _, log = await caller.one()
    assert log["response_content"] == "Well, thank you."


async def test_a_tool_that_the_sdk_runs_by_itself(caller, client, provider):
    """Two calls: the model asks for the function, the SDK runs it and asks again."""

    def weather(city: str) -> str:
        """The weather of a city."""
        return f"{city}: rain"

    call = {"functionCall": {"name": "weather", "args": {"city": "Malmö"}}, "thoughtSignature": "c2lnbmVk"}
    provider.reply(Reply(body=answer(call)), Reply(body=answer({"text": "It rains."})))
    config = types.GenerateContentConfig(tools=[weather])
    found = await client.aio.models.generate_content(model=MODEL, contents="Weather?", config=config)
    assert found.text == "It rains."
    again = provider.received[1].json["contents"]
    assert again[1]["parts"][0]["thoughtSignature"] == "c2lnbmVk"
    assert again[2]["parts"][0]["functionResponse"]["response"] == {"result": "Malmö: rain"}
    assert [Buckets.of(line) for line in await caller.lines(2)] == [TOKENS, TOKENS]
    logs = await caller.logs(2)
    kept = logs[0]["response_data"]["candidates"][0]["content"]["parts"][0]
    assert kept["functionCall"]["args"] == {"city": "Malmö"}


async def test_a_call_of_a_function_in_a_stream(caller, client, provider):
    call = {"functionCall": {"name": "weather", "args": {"city": "Malmö"}}}
    provider.reply(streamed(answer({"text": "One moment."}, usage=None, finish=None), answer(call)))
    declared = types.FunctionDeclaration(
        name="weather", parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}}
    )
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])])
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="Weather?", config=config)
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].function_calls[0].args == {"city": "Malmö"}
    assert await caller.tokens() == told(chunks[-1].usage_metadata)


async def test_a_picture_and_structured_output(caller, client, provider):
    class Weather(BaseModel):
        city: str
        degrees: int

    picture = os.urandom(200_000)
    provider.reply(Reply(body=answer({"text": '{"city": "Malmö", "degrees": 13}'})))
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Weather)
    contents = ["Where is this?", types.Part.from_bytes(data=picture, mime_type="image/png")]
    found = await client.aio.models.generate_content(model=MODEL, contents=contents, config=config)
    assert found.parsed == Weather(city="Malmö", degrees=13)
    sent = provider.received[0].json["contents"][0]["parts"][1]["inlineData"]["data"]
    assert base64.urlsafe_b64decode(sent) == picture or base64.b64decode(sent) == picture
    assert await caller.tokens() == told(found.usage_metadata)
    _, log = await caller.one()
    assert len(json.dumps(log["request_messages"])) < 100_000


async def test_a_chat_of_two_turns(caller, client, provider):
    provider.reply(Reply(body=answer({"text": "One."})), streamed(*HELLO))
    chat = client.aio.chats.create(model=MODEL)
    first = await chat.send_message("Count.")
    last = [chunk async for chunk in await chat.send_message_stream("And?")][-1]
    assert len(provider.received[1].json["contents"]) == 3
    given = [told(first.usage_metadata), told(last.usage_metadata)]
    assert [Buckets.of(line) for line in await caller.lines(2)] == given


async def test_embeddings(caller, client, provider):
    found = {"embeddings": [{"values": [0.5, -1.0]}], "usageMetadata": {"promptTokenCount": 4}}
    provider.reply(Reply(body=found))
    embedded = await client.aio.models.embed_content(model="gemini-embedding-001", contents=["a"])
    assert embedded.embeddings[0].values == [0.5, -1.0]
    line, log = await caller.one()
    assert (line["model"], line["prompt_tokens"], line["total_tokens"]) == ("gemini-embedding-001", 4, 4)
    assert log["response_data"] == found


async def test_counting_tokens_costs_nothing(caller, client, provider):
    provider.reply(Reply(body={"totalTokens": 31, "promptTokensDetails": []}))
    counted = await client.aio.models.count_tokens(model=MODEL, contents="How are you?")
    assert counted.total_tokens == 31
    await caller.logs(1)
    await caller.lines(0)


async def test_the_models_that_are_there(caller, client, provider):
    provider.reply(Reply(body={"models": [{"name": f"models/{MODEL}"}, {"name": "models/hidden"}]}))
    listed = [model.name async for model in await client.aio.models.list()]
    assert listed == ["models/gemini-other", f"models/{MODEL}"]
    assert (await client.aio.models.get(model=MODEL)).name == f"models/{MODEL}"


async def test_twenty_streams_at_once_each_with_its_own_cost(caller, client, provider):
    def costing(number):
        usage = {
            "promptTokenCount": number,
            "candidatesTokenCount": 2 * number,
            "totalTokenCount": 3 * number,
        }
        first = answer({"text": "a"}, usage={"promptTokenCount": number}, finish=None)
        return streamed(first, answer({"text": "b"}, usage=usage), pause=0.01)

    provider.reply(*map(costing, range(1, 21)))

    async def call():
        stream = await client.aio.models.generate_content_stream(model=MODEL, contents="hi")
        last = [chunk async for chunk in stream][-1]
        return last.sdk_http_response.headers["x-daybook-call-id"], told(last.usage_metadata)

    given = dict(await asyncio.gather(*(call() for _ in range(20))))
    assert sum(tokens.total for tokens in given.values()) == 3 * 210
    assert {str(line["id"]): Buckets.of(line) for line in await caller.lines(20)} == given


async def test_a_stream_left_in_the_middle_stops_the_provider_and_is_charged(caller, client, provider):
    provider.reply(streamed(*HELLO[:2], stall=True))
    stream = client.models.generate_content_stream(model=MODEL, contents="How are you?")
    await asyncio.to_thread(lambda: [next(stream), next(stream)])
    await asyncio.to_thread(stream.close)
    await asyncio.wait_for(provider.left.wait(), 5)
    line, log = await caller.one()
    assert (line["success"], log["status"], log["response_content"]) == (False, "error", "Well, ")
    assert line["total_tokens"] >= 225 + 36


async def test_a_bad_code(caller, provider):
    with client_of(caller.url, "AIza-of-another-house") as client:
        with pytest.raises(errors.ClientError) as refused:
            await client.aio.models.generate_content(model=MODEL, contents="hi")
        await client.aio.aclose()
    assert (refused.value.code, refused.value.status) == (401, "UNAUTHENTICATED")
    assert "is unknown" in refused.value.message
    assert provider.received == []


async def test_an_unknown_model(caller, client):
    with pytest.raises(errors.ClientError) as refused:
        await client.aio.models.generate_content(model="gpt-none", contents="hi")
    assert (refused.value.code, refused.value.status) == (404, "NOT_FOUND")
    await caller.logs(1)
    await caller.lines(0)


async def test_limits_of_the_code_and_of_the_provider(gateway, caller, client, provider):
    error = {"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}}
    provider.reply(Reply(status=429, body=error), Reply(body=answer({"text": "Well."})))
    with pytest.raises(errors.ClientError, match="Quota exceeded") as refused:
        await client.aio.models.generate_content(model=MODEL, contents="hi")
    assert refused.value.code == 429
    limited = await Caller.new(gateway, requests_per_minute=1)
    with client_of(limited.url, limited.code) as second:
        await second.aio.models.generate_content(model=MODEL, contents="hi")
        with pytest.raises(errors.ClientError) as refused:
            await second.aio.models.generate_content(model=MODEL, contents="hi")
        await second.aio.aclose()
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert int(refused.value.response.headers["retry-after"]) <= 62
    await limited.lines(1)
    await limited.logs(2)


async def test_a_provider_that_is_down_or_breaks_off(gateways, caller, client, provider):
    provider.reply(Reply(chunks=sse(*HELLO[:2], done=False), content_type="text/event-stream", cut=True))
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="hi")
    with pytest.raises(errors.APIError, match="broke off"):
        [chunk async for chunk in stream]
    line, _ = await caller.one()
    assert line["success"] is False
    down = await Caller.new(await gateways.open("gemini", "http://127.0.0.1:9"))
    with client_of(down.url, down.code) as second:
        with pytest.raises(errors.ServerError) as refused:
            await second.aio.models.generate_content(model=MODEL, contents="hi")
        await second.aio.aclose()
    assert (refused.value.code, refused.value.status) == (502, "UNAVAILABLE")
