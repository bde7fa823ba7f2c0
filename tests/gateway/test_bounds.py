"""No call takes more than its bound; a bound by a maximum makes the request name it."""

import json
from decimal import Decimal

import pytest

from daybook.gateway.apis.bounds import ANSWER_TOKENS
from daybook.gateway.apis.media import DEAR_PICTURE, LARGEST_CONTEXT, PICTURE
from daybook.gateway.providers.kinds import PROVIDERS
from daybook.ledger.prices import PriceTable
from llm_tracker.counting import count_tokens
from llm_tracker.pricing import Price
from llm_tracker.usage import Usage
from support.gateway.recorded import recorded
from support.gateway.transcripts import most_tokens

TEXT = {"messages": [{"role": "user", "content": "hello"}]}
DATA = "A" * 40_000


def bound_of(api, request, **options):
    return most_tokens(api, request, len(json.dumps(request).encode()), **options)


def provider_options(provider):
    """The name of the answer's maximum at a provider."""
    return {"max_tokens_field": PROVIDERS[provider].max_tokens_field}


@pytest.mark.parametrize(
    ("api", "request_", "provider", "completion", "changes"),
    [
        ("chat.completions", {"max_tokens": 10}, "openai_compatible", 10, {}),
        ("chat.completions", {"max_completion_tokens": 10, "n": 3}, "openai", 30, {}),
        ("chat.completions", {"max_tokens": 5, "max_completion_tokens": 10}, "openai", 10, {}),
        ("chat.completions", {}, "openai", 4096, {"max_completion_tokens": 4096}),
        ("chat.completions", {"n": "2"}, "openai_compatible", 8192, {"max_tokens": 4096}),
        ("chat.completions", {"max_tokens": -1}, "openai_compatible", 4096, {"max_tokens": 4096}),
        ("chat.completions", {"max_tokens": None}, "openai_compatible", 4096, {"max_tokens": 4096}),
        ("chat.completions", {"max_tokens": "many"}, "openai_compatible", 4096, {"max_tokens": 4096}),
        ("chat.completions", {"max_tokens": 7, "n": -4}, "openai_compatible", 7, {}),
        ("completions", {"max_tokens": 10, "n": 2, "best_of": 5}, "openai", 50, {}),
        ("completions", {"max_tokens": 10, "n": 2, "prompt": ["a", "b", "c"]}, "openai", 60, {}),
        ("completions", {"max_tokens": 10, "prompt": [[1, 2, 3], [4]]}, "openai", 20, {}),
        ("completions", {"max_tokens": 10, "prompt": [1, 2, 3]}, "openai", 10, {}),
        ("completions", {"max_tokens": 10, "prompt": []}, "openai", 10, {}),
        ("completions", {}, "openai", 4096, {"max_tokens": 4096}),
        ("responses", {"max_output_tokens": 99}, "openai", 99, {}),
        ("responses", {}, "openai", 4096, {"max_output_tokens": 4096}),
        ("messages", {"max_tokens": 1024}, "anthropic", 1024, {}),
        (
            "generateContent",
            {"generationConfig": {"maxOutputTokens": 8, "candidateCount": 2}},
            "gemini",
            16,
            {},
        ),
        ("streamGenerateContent", {"generation_config": {"max_output_tokens": 8}}, "gemini", 8, {}),
        (
            "generateContent",
            {"generationConfig": {"temperature": 0}},
            "gemini",
            4096,
            {"generationConfig": {"temperature": 0, "maxOutputTokens": 4096}},
        ),
        ("generateContent", {}, "gemini", 4096, {"generationConfig": {"maxOutputTokens": 4096}}),
        ("embeddings", {"input": "x"}, "openai", 0, {}),
    ],
)
def test_the_longest_answer_and_what_must_be_asked_for(api, request_, provider, completion, changes):
    bound = bound_of(api, request_, **provider_options(provider))
    assert (bound.completion_tokens, bound.changes) == (completion, changes)
    again = bound_of(api, {**request_, **bound.changes}, **provider_options(provider))
    assert (again.completion_tokens, again.changes) == (completion, {})


def test_the_answer_that_a_request_is_given_can_be_chosen():
    assert bound_of("chat.completions", TEXT, answer_tokens=100).completion_tokens == 100
    assert bound_of("chat.completions", TEXT).completion_tokens == ANSWER_TOKENS


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"},
        {"type": "input_image", "file_id": "f"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org"}},
        {"inlineData": {"mimeType": "image/png", "data": DATA}},
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://x"}},
    ],
)
def test_a_picture_counts_as_one_whatever_its_bytes(part):
    bound = bound_of("chat.completions", {"messages": [{"role": "user", "content": [part]}]})
    assert PICTURE < bound.prompt_tokens < PICTURE + 300
    assert bound.media.image
    dear = {"model": "gpt-4o-mini-2024", "messages": [{"role": "user", "content": [part]}]}
    assert bound_of("chat.completions", dear).prompt_tokens > DEAR_PICTURE


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [{"role": "user", "content": f"data:image/png;base64,{DATA}"}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": f"data:image/png;base64,{DATA}"}]}
            ]
        },
        {"messages": [], "tools": [{"type": "function", "data": DATA, "format": "wav"}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "x", "data": DATA, "format": "wav"}]}
            ]
        },
        {
            "messages": [
                {"role": "tool", "content": "", "tool_calls": [{"source": {"data": DATA, "type": "x"}}]}
            ]
        },
    ],
)
def test_data_that_the_model_reads_as_text_counts_by_its_bytes(request_):
    assert bound_of("chat.completions", request_).prompt_tokens > len(DATA)


def test_sound_videos_and_documents_count_by_their_size():
    def prompt(part):
        return bound_of("chat.completions", {"messages": [{"role": "user", "content": [part]}]}).prompt_tokens

    assert (
        30_000 // 16 < prompt({"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}}) < 5000
    )
    assert 30_000 // 4 < prompt({"inlineData": {"mimeType": "video/mp4", "data": DATA}}) < 10_000
    pdf = {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{DATA}"}}
    assert 30_000 * 32 < prompt(pdf) < LARGEST_CONTEXT
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": DATA}}
    assert len(DATA) < prompt(text) < len(DATA) + 500


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": "resp_1"},
        {"cachedContent": "cachedContents/1"},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"googleSearch": {}}]},
        {"web_search_options": {}} | {"conversation": "conv_1"},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
        {"messages": [{"content": [{"type": "document", "source": {"type": "url", "url": "https://a"}}]}]},
    ],
)
def test_what_the_provider_fetches_is_bounded_by_the_largest_context(more):
    assert bound_of("messages", {**TEXT, **more}).prompt_tokens == LARGEST_CONTEXT


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "function", "function": {"name": "f"}}],
        [{"name": "f", "input_schema": {}}],
        [{"type": "bash_20250124", "name": "bash"}],
        [{"functionDeclarations": [{"name": "f"}]}],
        "nonsense",
        [None, 5],
    ],
)
def test_tools_of_the_callers_own_are_text(tools):
    assert bound_of("messages", {**TEXT, "tools": tools}).prompt_tokens < 3000


def test_no_text_has_more_tokens_than_its_bound():
    for text in ("hi", "hello " * 100, "日記本" * 100, "🙂" * 200, "\x01\x02" * 50, "ǝɹǝɥ ʇou s" * 30):
        request = {"messages": [{"role": "user", "content": text}]}
        for ascii_only in (True, False):
            size = len(json.dumps(request, ensure_ascii=ascii_only).encode())
            assert most_tokens("chat.completions", request, size).prompt_tokens > count_tokens(text) + 4


SPOKEN_HERE = {
    "chat.completions",
    "responses",
    "messages",
    "generateContent",
    "streamGenerateContent",
    "completions",
}

BEYOND = {
    "0edd564d306f9003": "OpenRouter reports tokens of a prompt that is not in the request",
    "b6f5b9d6cb4bfc9d": "Groq's compound model searches by itself",
}
"""Recorded calls that took more than anything in their request tells."""


def test_every_recorded_call_took_at_most_its_bound():
    told = [
        one for one in recorded() if one.reported and isinstance(one.request, dict) and one.api in SPOKEN_HERE
    ]
    if not told:
        pytest.skip("the recorded exchanges are not here")
    over = set()
    for exchange in told:
        body = json.dumps(exchange.request, ensure_ascii=False).encode()
        bound = most_tokens(exchange.api, exchange.request, len(body), model=exchange.model)
        took = exchange.reported
        answer_is_bounded = not bound.changes
        if took.prompt > bound.prompt_tokens or (
            answer_is_bounded and took.completion > bound.completion_tokens
        ):
            over.add(exchange.id)
    assert over == set(BEYOND)
    assert len(told) > 500


PRICES = PriceTable(
    {
        "plain": Price(Decimal(2), Decimal(8)),
        "cached": Price(Decimal(2), Decimal(8), cached_input=Decimal("0.2"), cache_write=Decimal(4)),
    }
)


def test_the_most_money_is_that_of_the_dearest_tokens_at_the_dearest_target():
    bound = most_tokens("messages", {**TEXT, "max_tokens": 1000}, 936)
    assert (bound.prompt_tokens, bound.completion_tokens) == (1000, 1000)
    assert bound.priced(PRICES, [("x", "plain")]).money == Decimal("0.01")
    cached = {**TEXT, "max_tokens": 1000, "cache_control": {"type": "ephemeral"}}
    assert most_tokens("messages", cached, 936).priced(
        PRICES, [("x", "plain"), ("x", "cached")]
    ).money == Decimal("0.012")
    assert bound.priced(PRICES, [("x", "plain"), ("x", "mystery")]).money is None
    assert bound.priced(PRICES, []).money is None
    assert bound.money is None


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-4o-audio-preview"), ("gemini", "gemini-2.5-flash")]
)
def test_sound_and_pictures_cost_no_more_than_the_bound(provider, model):
    part = {"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}}
    request = {
        "messages": [{"role": "user", "content": [part]}],
        "max_tokens": 500,
        "modalities": ["text", "audio"],
    }
    bound = bound_of("chat.completions", request).priced(PriceTable(), [(provider, model)])
    assert bound.money is not None
    for prompt_kind, answer_kind in (("AUDIO", "AUDIO"), ("TEXT", "TEXT"), ("AUDIO", "TEXT")):
        raw = {
            "promptTokenCount": bound.prompt_tokens,
            "promptTokensDetails": [{"modality": prompt_kind, "tokenCount": bound.prompt_tokens}],
            "candidatesTokensDetails": [{"modality": answer_kind, "tokenCount": 500}],
        }
        usage = Usage(bound.prompt_tokens, 500, bound.prompt_tokens + 500, raw=raw)
        assert PriceTable().cost(model, usage, provider=provider) <= bound.money


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": {"content": [[[{"source": 5, "file": [], "image_url": {"url": 7}}]]]}},
        {"messages": None, "tools": {"a": 1}, "generationConfig": 5, "modalities": {"x": 1}},
        {"n": 1e400, "max_tokens": "1e999", "best_of": "NaN"},
        {"contents": [{"parts": [{"inlineData": {"mimeType": 5, "data": 6}}]}]},
    ],
)
def test_nonsense_has_a_bound_as_well(request_):
    for api in ("chat.completions", "completions", "generateContent", "messages", "responses", "rerank"):
        assert most_tokens(api, request_, 200).prompt_tokens >= 200
