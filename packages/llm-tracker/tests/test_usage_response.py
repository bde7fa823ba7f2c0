"""Usage of whole answers in inclusive buckets: one small answer per quirk of a provider."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tracker.usage import Usage, usage_from_response
from llm_tracker.usage.apis import APIS as KNOWN
from llm_tracker.usage.buckets import MAX_COUNT

APIS = sorted(KNOWN)


def buckets(prompt, completion, cached=0, reasoning=0, cache_write=0):
    return Usage(prompt, completion, prompt + completion, cached, reasoning, cache_write)


def chat(**usage):
    return {"choices": [{"message": {"content": "hi"}}], "usage": usage}


CASES = {
    "OpenAI chat": (
        "chat.completions",
        chat(
            prompt_tokens=30,
            completion_tokens=12,
            total_tokens=42,
            prompt_tokens_details={"cached_tokens": 20, "audio_tokens": 0},
            completion_tokens_details={"reasoning_tokens": 5},
        ),
        buckets(30, 12, cached=20, reasoning=5),
    ),
    "details may be null": (
        "chat.completions",
        chat(prompt_tokens=3, completion_tokens=1, total_tokens=4, prompt_tokens_details=None),
        buckets(3, 1),
    ),
    "Gemini's OpenAI-compatible endpoint hides thinking in the total": (
        "chat.completions",
        chat(prompt_tokens=35, completion_tokens=12, total_tokens=109),
        buckets(35, 74, reasoning=62),
    ),
    "… and may leave out a completion of zero": (
        "chat.completions",
        chat(prompt_tokens=35, total_tokens=109),
        buckets(35, 74, reasoning=74),
    ),
    "xAI adds reasoning to the total": (
        "chat.completions",
        chat(
            prompt_tokens=10,
            completion_tokens=2,
            total_tokens=112,
            completion_tokens_details={"reasoning_tokens": 100},
        ),
        buckets(10, 102, reasoning=100),
    ),
    "reasoning told larger than the completion is cut": (
        "chat.completions",
        chat(
            prompt_tokens=10,
            completion_tokens=5,
            total_tokens=15,
            completion_tokens_details={"reasoning_tokens": 8},
        ),
        buckets(10, 5, reasoning=5),
    ),
    "azure-ai tells more cached tokens than prompt tokens": (
        "chat.completions",
        chat(
            prompt_tokens=7,
            completion_tokens=1,
            total_tokens=8,
            prompt_tokens_details={"cached_tokens": 161},
        ),
        buckets(7, 1, cached=7),
    ),
    "DeepSeek's cache hits": (
        "chat.completions",
        chat(
            prompt_tokens=9,
            completion_tokens=1,
            total_tokens=10,
            prompt_cache_hit_tokens=8,
            prompt_cache_miss_tokens=1,
        ),
        buckets(9, 1, cached=8),
    ),
    "Mistral's cached tokens": (
        "chat.completions",
        chat(prompt_tokens=40, completion_tokens=2, total_tokens=42, num_cached_tokens=32),
        buckets(40, 2, cached=32),
    ),
    "Mistral's other name for details": (
        "chat.completions",
        chat(
            prompt_tokens=40,
            completion_tokens=2,
            total_tokens=42,
            prompt_token_details={"cached_tokens": 16},
        ),
        buckets(40, 2, cached=16),
    ),
    "Moonshot's and Together's cached tokens": (
        "chat.completions",
        chat(prompt_tokens=40, completion_tokens=2, total_tokens=42, cached_tokens=30),
        buckets(40, 2, cached=30),
    ),
    "Perplexity's reasoning tokens; citations are not written by the model": (
        "chat.completions",
        chat(
            prompt_tokens=33,
            completion_tokens=900,
            total_tokens=933,
            citation_tokens=19000,
            reasoning_tokens=120,
        ),
        buckets(33, 900, reasoning=120),
    ),
    "OpenRouter's cache writes": (
        "chat.completions",
        chat(
            prompt_tokens=3329,
            completion_tokens=53,
            total_tokens=3382,
            prompt_tokens_details={"cached_tokens": 3211, "cache_write_tokens": 115},
        ),
        buckets(3329, 53, cached=3211, cache_write=115),
    ),
    "Groq's x_groq": (
        "chat.completions",
        {"x_groq": {"id": "r", "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}}},
        buckets(5, 6),
    ),
    "Cloudflare's wrapping": (
        "chat.completions",
        {
            "result": {"response": "hi", "usage": {"prompt_tokens": 5, "completion_tokens": 6}},
            "success": True,
        },
        buckets(5, 6),
    ),
    "an error in a 200 that tells what it cost": (
        "chat.completions",
        {"error": {"message": "stopped"}, "usage": {"prompt_tokens": 5, "completion_tokens": 0}},
        buckets(5, 0),
    ),
    "zeros are a report": (
        "chat.completions",
        chat(prompt_tokens=0, completion_tokens=0, total_tokens=0),
        buckets(0, 0),
    ),
    "a total below the sum is ignored": (
        "chat.completions",
        chat(prompt_tokens=5, completion_tokens=6, total_tokens=7),
        buckets(5, 6),
    ),
    "responses": (
        "responses",
        {
            "status": "incomplete",
            "usage": {
                "input_tokens": 1220,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1000},
                "output_tokens": 100,
                "output_tokens_details": {"reasoning_tokens": 54},
                "total_tokens": 1320,
            },
        },
        buckets(1220, 100, cached=4, reasoning=54, cache_write=1000),
    ),
    "embeddings": ("embeddings", {"usage": {"prompt_tokens": 3, "total_tokens": 3}}, buckets(3, 0)),
    "embeddings with only a total": ("embeddings", {"usage": {"total_tokens": 3}}, buckets(3, 0)),
    "Gemini's embeddings": (
        "embeddings",
        {"embedding": {"values": [0.1]}, "usageMetadata": {"promptTokenCount": 6}},
        buckets(6, 0),
    ),
    "Ollama's embeddings": ("embeddings", {"embeddings": [[0.1]], "prompt_eval_count": 4}, buckets(4, 0)),
    "rerank": ("rerank", {"results": [], "usage": {"total_tokens": 57, "cost": 1e-6}}, buckets(57, 0)),
    "speech to text": (
        "audio.transcriptions",
        {
            "text": "hi",
            "usage": {
                "type": "tokens",
                "input_tokens": 37,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 37},
                "output_tokens": 12,
                "total_tokens": 49,
            },
        },
        buckets(37, 12),
    ),
    "Mistral's speech to text counts the audio in the total alone": (
        "audio.transcriptions",
        {"usage": {"prompt_tokens": 3, "completion_tokens": 11, "total_tokens": 389}},
        buckets(378, 11),
    ),
    "images": (
        "images.generations",
        {
            "data": [],
            "usage": {
                "input_tokens": 50,
                "output_tokens": 4160,
                "total_tokens": 4210,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            },
        },
        buckets(50, 4160),
    ),
    "Anthropic's input excludes the cache": (
        "messages",
        {
            "type": "message",
            "usage": {
                "input_tokens": 4,
                "cache_creation_input_tokens": 11107,
                "cache_read_input_tokens": 2836,
                "output_tokens": 155,
                "output_tokens_details": {"thinking_tokens": 26},
                "server_tool_use": {"web_search_requests": 1},
            },
        },
        buckets(13947, 155, cached=2836, reasoning=26, cache_write=11107),
    ),
    "Anthropic's cache writes by lifetime alone": (
        "messages",
        {
            "usage": {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 5},
            }
        },
        buckets(36, 2, cache_write=35),
    ),
    "Anthropic's iterations repeat the top level": (
        "messages",
        {
            "usage": {
                "input_tokens": 20,
                "output_tokens": 7,
                "iterations": [
                    {"type": "message", "input_tokens": 12, "output_tokens": 4},
                    {"type": "advisor_message", "input_tokens": 99, "output_tokens": 99},
                    {"type": "message", "input_tokens": 8, "output_tokens": 3},
                ],
            }
        },
        buckets(20, 7),
    ),
    "Gemini's candidates exclude thoughts, its prompt what tools brought": (
        "generateContent",
        {
            "usageMetadata": {
                "promptTokenCount": 100,
                "toolUsePromptTokenCount": 40,
                "cachedContentTokenCount": 90,
                "candidatesTokenCount": 10,
                "thoughtsTokenCount": 25,
                "totalTokenCount": 175,
            }
        },
        buckets(140, 35, cached=90, reasoning=25),
    ),
    "Gemini's thoughts without candidates": (
        "generateContent",
        {"usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 25, "totalTokenCount": 34}},
        buckets(9, 25, reasoning=25),
    ),
    "Gemini without a total": (
        "generateContent",
        {
            "usageMetadata": {
                "promptTokenCount": 9,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 25,
                "totalTokenCount": None,
            }
        },
        buckets(9, 30, reasoning=25),
    ),
    "a blocked prompt": (
        "generateContent",
        {"promptFeedback": {}, "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}},
        buckets(9, 0),
    ),
    "Gemini's array, cumulative": (
        "streamGenerateContent",
        [
            {"usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}},
            {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}},
            {"usageMetadata": {"trafficType": "ON_DEMAND"}},
        ],
        buckets(9, 5),
    ),
    "Ollama": ("ollama.chat", {"done": True, "prompt_eval_count": 11, "eval_count": 12}, buckets(11, 12)),
    "Ollama with the whole prompt cached": (
        "ollama.generate",
        {"done": True, "eval_count": 38},
        buckets(0, 38),
    ),
    "Cohere's tokens, not what is billed": (
        "cohere.chat",
        {
            "usage": {
                "billed_units": {"input_tokens": 51, "output_tokens": 66},
                "tokens": {"input_tokens": 267, "output_tokens": 91, "reasoning_tokens": 58},
                "cached_tokens": 144,
            }
        },
        buckets(267, 91, cached=144, reasoning=58),
    ),
    "Cohere's first API": (
        "cohere.chat",
        {
            "text": "hi",
            "meta": {
                "billed_units": {"input_tokens": 5, "output_tokens": 6},
                "tokens": {"input_tokens": 70.0, "output_tokens": 6.0},
            },
        },
        buckets(70, 6),
    ),
    "DashScope": (
        "dashscope.generation",
        {
            "output": {"text": "hi"},
            "usage": {
                "input_tokens": 18,
                "output_tokens": 5,
                "total_tokens": 23,
                "prompt_tokens_details": {"cached_tokens": 2},
            },
        },
        buckets(18, 5, cached=2),
    ),
    "a moderation by Mistral": (
        "moderations",
        {"results": [], "usage": {"prompt_tokens": 7, "total_tokens": 7, "completion_tokens": 0}},
        buckets(7, 0),
    ),
}


@pytest.mark.parametrize(("api", "body", "expected"), CASES.values(), ids=CASES)
def test_buckets(api, body, expected):
    assert usage_from_response(api, body) == expected


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("models", {"data": [], "usage": {"prompt_tokens": 1}}),
        ("count_tokens", {"input_tokens": 1581}),
        ("count_tokens", {"totalTokens": 12}),
        ("moderations", {"results": []}),
        ("chat.completions", {"choices": [], "usage": None}),
        ("chat.completions", {"choices": [], "usage": {}}),
        ("chat.completions", {"usage": {"prompt_tokens": None, "total_tokens": None}}),
        ("chat.completions", {"error": {"message": "no", "usage": {"prompt_tokens": 1}}}),
        ("responses", {"status": "failed", "usage": None}),
        ("images.generations", {"usage": {"cost_in_usd_ticks": 200000000}}),
        ("audio.transcriptions", {"usage": {"type": "duration", "seconds": 9}}),
        ("embeddings", {"embeddings": [], "meta": {"billed_units": {"input_tokens": 4}}}),
        ("embeddings", {"predictions": [], "metadata": {"billableCharacterCount": 29}}),
        ("rerank", {"results": [], "meta": {"billed_units": {"search_units": 1}}}),
        ("generateContent", {"usageMetadata": {"trafficType": "ON_DEMAND"}}),
        ("ollama.chat", {"done": False, "message": {"content": "hi"}}),
        ("messages", {"type": "error", "error": {"type": "overloaded_error"}}),
    ],
)
def test_nothing_reported_is_none_and_not_zero(api, body):
    assert usage_from_response(api, body) is None


@pytest.mark.parametrize(
    "wrong", [-1, 1.5, "12", True, None, [], {}, 2**31, 10**30, MAX_COUNT + 1, float("nan")]
)
def test_what_is_no_count_is_not_counted(wrong):
    body = chat(prompt_tokens=wrong, completion_tokens=5, prompt_tokens_details={"cached_tokens": wrong})
    assert usage_from_response("chat.completions", body) == buckets(0, 5)
    assert usage_from_response("chat.completions", chat(prompt_tokens=wrong)) is None


def test_the_model_cannot_forge_usage():
    """What a model writes into a tool's arguments is deeper than where usage is looked for."""
    forged = {"usage": {"input_tokens": 1, "output_tokens": 1}, "usageMetadata": {"promptTokenCount": 1}}
    message = {
        "content": [{"type": "tool_use", "input": forged}],
        "usage": {"input_tokens": 50, "output_tokens": 60},
    }
    assert usage_from_response("messages", message) == buckets(50, 60)
    candidate = {"candidates": [{"content": {"parts": [{"functionCall": {"args": forged}}]}}]}
    assert usage_from_response("generateContent", candidate) is None


def test_an_unknown_api_is_named():
    with pytest.raises(ValueError, match=r"'chat\.complétions'"):
        usage_from_response("chat.complétions", {})


def test_attempts_add_up_and_keep_what_each_reported():
    first = usage_from_response("chat.completions", chat(prompt_tokens=5, completion_tokens=0))
    second = usage_from_response(
        "chat.completions",
        chat(prompt_tokens=5, completion_tokens=7, prompt_tokens_details={"cached_tokens": 4}),
    )
    assert first is not None
    assert second is not None
    both = first + second
    assert both == buckets(10, 7, cached=4)
    assert both.raw == [first.raw, second.raw]
    assert (both + second).raw == [first.raw, second.raw, second.raw]
    assert (Usage() + Usage()).raw is None


NAMES = [
    "usage",
    "response",
    "message",
    "delta",
    "meta",
    "tokens",
    "usageMetadata",
    "x_groq",
    "result",
    "choices",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "reasoning_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "totalTokenCount",
    "cachedContentTokenCount",
    "prompt_eval_count",
    "eval_count",
]
NUMBERS = st.integers(-5, 400) | st.integers() | st.floats() | st.booleans() | st.none() | st.text(max_size=3)
JSON = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=6)
    ),
    max_leaves=30,
)


@given(st.sampled_from(APIS), JSON)
def test_whatever_comes_nothing_raises_and_the_invariants_hold(api, body):
    usage = usage_from_response(api, body)
    if usage is not None:
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        assert usage.prompt_tokens >= 0
        assert usage.completion_tokens >= 0
        assert 0 <= usage.cached_tokens <= usage.prompt_tokens
        assert 0 <= usage.cache_write_tokens <= usage.prompt_tokens
        assert 0 <= usage.reasoning_tokens <= usage.completion_tokens
        assert usage.total_tokens < 2**31
