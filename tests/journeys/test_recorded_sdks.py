"""Recorded answers as the SDKs read them through the gateway: what each is told of the cost stands in the
ledger, to the token.
"""

import re
from typing import Any

import anthropic
import openai
import pytest
import pytest_asyncio
from google import genai
from google.genai import types

from support.gateway.caller import Caller
from support.gateway.recorded import Buckets, Recorded, recorded

pytestmark = [
    pytest.mark.skipif(not recorded(), reason="the recorded exchanges are not beside this checkout"),
    # The SDKs warn of fields that providers add, of models that retire, and of aiohttp.
    pytest.mark.filterwarnings("ignore"),
]


def good(api: str, *providers: str) -> list[Recorded]:
    """The exchanges of `api` that went well and told their cost."""
    return [
        exchange
        for exchange in recorded()
        if exchange.api == api
        and exchange.provider in providers
        and exchange.reported
        and not exchange.failed
        and exchange.request is not None
    ]


class Players:
    """Plays exchanges one after the other to a caller, and compares what an SDK was told with the ledger."""

    def __init__(self, caller: Caller, replay) -> None:
        self.caller = caller
        self.replay = replay
        self.played: list[Recorded] = []
        self.told: list[Buckets | None] = []

    def play(self, exchange: Recorded) -> None:
        """From now on the provider answers with `exchange`."""
        self.replay.now = exchange
        self.played.append(exchange)

    async def check(self) -> None:
        """Compare with the lines, which are in the order of the calls."""
        lines = await self.caller.lines(len(self.played))
        faults = [
            f"{exchange}: the SDK was told {told}, the ledger has {Buckets.of(line)}"
            for exchange, told, line in zip(self.played, self.told, lines, strict=True)
            if (told is not None and Buckets.of(line) != told) or not line["success"]
        ]
        assert not faults, "\n".join(faults)
        assert sum(told is not None for told in self.told) > 0.9 * len(self.played)


async def players(gateways, replay, provider: str, base: str = "") -> Players:
    gateway = await gateways.open(provider, replay.url + base)
    return Players(await Caller.new(gateway), replay)


@pytest_asyncio.fixture(scope="module")
async def compatible(gateways, replay):
    return await players(gateways, replay, "openai_compatible", "/v1")


def chat_cost(usage: Any) -> Buckets | None:
    """Of a chat; None where the provider's own numbers do not add up, which the ledger's have to."""
    if usage is None or usage.total_tokens != usage.prompt_tokens + usage.completion_tokens:
        return None
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = (prompt and prompt.cached_tokens) or getattr(usage, "num_cached_tokens", 0) or 0
    reasoning = (completion and completion.reasoning_tokens) or 0
    return Buckets(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        min(cached, usage.prompt_tokens),
        min(reasoning, usage.completion_tokens),
    )


async def test_openai_chat(compatible):
    caller = compatible.caller
    async with openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=caller.code, max_retries=0) as client:
        for exchange in good("chat.completions", "openai", "azure-openai", "deepseek", "mistral"):
            compatible.play(exchange)
            body = {**(exchange.request or {}), "model": exchange.model or "m"}
            answer: Any = await client.chat.completions.create(
                model="m", messages=[], stream=exchange.stream, extra_body=body
            )
            if exchange.stream:
                usages = [chunk.usage async for chunk in answer if chunk.usage]
                asked = (body.get("stream_options") or {}).get("include_usage")
                compatible.told.append(chat_cost(usages[-1]) if usages else None)
                assert usages or not asked, exchange
            else:
                compatible.told.append(chat_cost(answer.usage))
    await compatible.check()


async def test_openai_responses(gateways, replay):
    told = await players(gateways, replay, "openai", "/v1")
    caller = told.caller
    async with openai.AsyncOpenAI(base_url=caller.url + "/v1", api_key=caller.code, max_retries=0) as client:
        for exchange in good("responses", "openai", "azure-openai", "deepseek", "xai", "openrouter"):
            told.play(exchange)
            body = {**(exchange.request or {}), "model": exchange.model or "m"}
            answer: Any = await client.responses.create(
                model="m", input="", stream=exchange.stream, extra_body=body
            )
            if exchange.stream:
                answer = [event async for event in answer][-1].response
            usage = answer.usage
            prompt, completion = usage.input_tokens_details, usage.output_tokens_details
            cached = (prompt and prompt.cached_tokens) or 0
            reasoning = (completion and completion.reasoning_tokens) or 0
            told.told.append(
                Buckets(usage.input_tokens, usage.output_tokens, usage.total_tokens, cached, reasoning)
            )
    await told.check()


async def test_anthropic_messages(gateways, replay):
    told = await players(gateways, replay, "anthropic")
    caller = told.caller
    async with anthropic.AsyncAnthropic(base_url=caller.url, api_key=caller.code, max_retries=0) as client:
        for exchange in good("messages", "anthropic", "vertex"):
            told.play(exchange)
            body = {**(exchange.request or {}), "model": exchange.model}
            ask: Any = {"model": "m", "max_tokens": 1, "messages": [], "extra_body": body, "timeout": 20}
            if exchange.stream:
                async with client.messages.stream(**ask) as stream:
                    usage = (await stream.get_final_message()).usage
            else:
                usage = (await client.messages.create(**ask)).usage
            cached = usage.cache_read_input_tokens or 0
            prompt = usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0)
            details = usage.output_tokens_details
            reasoning = (details and details.thinking_tokens) or 0
            told.told.append(
                Buckets(prompt, usage.output_tokens, prompt + usage.output_tokens, cached, reasoning)
            )
    await told.check()


@pytest.mark.parametrize("api", ["generateContent", "streamGenerateContent"])
async def test_google(gateways, replay, api):
    told = await players(gateways, replay, "gemini")
    caller = told.caller
    client = genai.Client(api_key=caller.code, http_options=types.HttpOptions(base_url=caller.url))
    for exchange in good(api, "gemini", "vertex"):
        if exchange.stream and not exchange.query.get("alt"):
            continue  # one JSON array, which the SDK does not ask for
        if re.search(rb'"(modality|finishReason)": \d', exchange.body):
            continue  # numbers for names, which the SDK does not read
        told.play(exchange)
        ask: Any = {"model": exchange.model, "contents": "hi"}
        if exchange.stream:
            usages = [
                chunk.usage_metadata
                async for chunk in await client.aio.models.generate_content_stream(**ask)
                if chunk.usage_metadata
            ]
            usage = usages[-1]
        else:
            usage = (await client.aio.models.generate_content(**ask)).usage_metadata
        thoughts = usage.thoughts_token_count or 0
        prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
        completion = (usage.candidates_token_count or 0) + thoughts
        cached = usage.cached_content_token_count or 0
        told.told.append(Buckets(prompt, completion, prompt + completion, cached, thoughts))
    await client.aio.aclose()
    client.close()
    await told.check()
