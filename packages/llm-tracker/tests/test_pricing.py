"""Costs of calls, checked against the table's own, slower calculator."""

import socket
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data import providers
from hypothesis import given
from hypothesis import strategies as st

from llm_tracker import pricing
from llm_tracker.pricing import Price, price_of
from llm_tracker.usage import Usage, usage_from_response

AT = datetime(2025, 9, 1, tzinfo=UTC)


def usage(prompt, completion, cached=0, reasoning=0, cache_write=0, raw=None):
    return Usage(prompt, completion, prompt + completion, cached, reasoning, cache_write, raw)


BY_TOKENS = {"input_mtok", "output_mtok"}
TABLE = [
    (provider.id, model.id)
    for provider in providers
    for model in provider.models
    if (found := provider.find_model(model.id, all_providers=providers))
    and set(found.get_prices(AT).__dict__) >= BY_TOKENS
]


def test_the_table_is_not_empty():
    assert len(TABLE) > 1000


@given(
    st.sampled_from(TABLE),
    st.integers(0, 2_000_000),
    st.integers(0, 100_000),
    st.integers(0, 2_000_000),
    st.integers(0, 2_000_000),
)
def test_the_table_is_followed(entry, prompt, completion, cached, written):
    provider, model = entry
    cached = min(cached, prompt)
    written = min(written, prompt - cached)
    table = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=prompt,
            output_tokens=completion,
            cache_read_tokens=cached,
            cache_write_tokens=written,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=AT,
    )
    ours = price_of(model, usage(prompt, completion, cached, 0, written), provider=provider, at=AT)
    assert ours is not None
    assert abs(ours - table.total_price) < Decimal("1e-15")


def test_a_price_for_each_request_is_added():
    """Perplexity's sonar: 1 in and 1 out per million, and 12 per thousand requests."""
    cost = price_of("sonar", usage(1_000_000, 1_000_000), provider="perplexity", at=AT)
    assert cost == 2 + Decimal("0.012")


def test_an_answer_that_has_no_price_is_unknown():
    assert price_of("text-embedding-3-small", usage(1_000_000, 0), provider="openai") == Decimal("0.02")
    assert price_of("text-embedding-3-small", usage(1_000_000, 1), provider="openai") is None


def test_a_known_price_by_hand():
    """gpt-4o in September 2025: 2.50 in, 1.25 cached, 10 out, per million."""
    cost = price_of("gpt-4o", usage(1_000_000, 100_000, cached=400_000), provider="openai", at=AT)
    assert cost == Decimal("1.5") + Decimal("0.5") + 1
    assert isinstance(cost, Decimal)


def test_history_is_kept():
    """o3 became cheaper on 10 June 2025."""
    before = price_of("o3", usage(1_000_000, 0), provider="openai", at=datetime(2025, 6, 1, tzinfo=UTC))
    after = price_of("o3", usage(1_000_000, 0), provider="openai", at=datetime(2025, 7, 1))  # noqa: DTZ001 - naive means UTC
    assert (before, after) == (Decimal(10), Decimal(2))


def test_anthropics_cache_writes_cost_more():
    body = {
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 100_000,
            "cache_read_input_tokens": 100_000,
            "cache_creation": {"ephemeral_5m_input_tokens": 60_000, "ephemeral_1h_input_tokens": 40_000},
        }
    }
    told = usage_from_response("messages", body)
    assert told is not None
    cost = price_of("claude-sonnet-4-5", told, provider="anthropic")
    assert cost == Decimal("0.06") * Decimal("3.75") + Decimal("0.04") * 6 + Decimal("0.1") * Decimal("0.3")


def test_sound_has_a_price_of_its_own():
    raw = {
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "prompt_tokens_details": {"audio_tokens": 900},
        "completion_tokens_details": {"audio_tokens": 400},
    }
    cost = price_of("gpt-audio", usage(1000, 500, raw=raw), provider="openai")
    assert cost == (100 * Decimal("2.5") + 900 * 32 + 100 * 10 + 400 * 64) / 1_000_000
    gemini = usage_from_response(
        "generateContent",
        {
            "usageMetadata": {
                "promptTokenCount": 1000,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 300},
                    {"modality": "AUDIO", "tokenCount": 700},
                ],
                "totalTokenCount": 1000,
            }
        },
    )
    assert gemini is not None
    cost = price_of("gemini-2.5-flash", gemini, provider="gemini")
    assert cost == (300 * Decimal("0.3") + 700) / 1_000_000


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("llama3", "openai_compatible"),
        ("llama3", None),
        ("mistral-7b-instruct", "openai_compatible"),
        ("deepseek-r1:7b", "openai_compatible"),
        ("qwen2.5-coder", "openai_compatible"),
        ("gemma-3", "openai_compatible"),
        ("gpt-oss-20b", "openai_compatible"),
        ("openai/gpt-oss-20b", "openai_compatible"),
        ("someone/gpt-4o", "openai_compatible"),
        ("gpt-4o:free", "openai_compatible"),
        ("", "openai_compatible"),
        ("no-such-model", "openai"),
        ("gpt-4o", "demo"),
        ("gpt-4o", ""),
        ("x" * 10_000, "openai"),
        ("whisper-1", "openai"),  # sold by the hour
    ],
)
def test_an_unknown_price_is_none_and_not_zero(model, provider):
    assert price_of(model, usage(1000, 1000), provider=provider) is None


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash"])
@pytest.mark.parametrize("provider", ["openai_compatible", None])
def test_what_only_its_maker_runs_is_priced_wherever_it_is_asked_for(model, provider):
    cost = price_of(model, usage(1000, 1000), provider=provider)
    assert cost is not None
    assert cost > 0


def test_free_is_zero():
    free = price_of("gemma-3", usage(1000, 1000), provider="gemini")
    assert free == 0
    assert isinstance(free, Decimal)


def test_azure_and_gemini_names():
    assert price_of("gpt-4o", usage(1000, 0), provider="azure_openai", at=AT) == Decimal("0.0025")
    assert price_of("models/gemini-2.5-flash", usage(1000, 0), provider="gemini") == Decimal("0.0003")


def test_an_administrators_price_wins():
    mine = Price(input=Decimal(1), output=Decimal(2))
    theirs = Price(input=Decimal(3), output=Decimal(4))
    prices = {"gpt-4o": mine, "openai/gpt-4o": theirs, "llama3": mine}
    million = usage(1_000_000, 1_000_000)
    assert price_of("gpt-4o", million, provider="openai", prices=prices) == 7
    assert price_of("gpt-4o", million, provider="azure_openai", prices=prices) == 3
    assert price_of("llama3", million, provider="openai_compatible", prices=prices) == 3
    assert price_of("gpt-4o-mini", million, provider="openai", at=AT, prices=prices) == Decimal("0.75")


def test_the_parts_of_an_administrators_price():
    price = Price(Decimal(10), Decimal(20), Decimal(1), Decimal(12), Decimal(30))
    told = usage(1000, 100, cached=600, reasoning=40, cache_write=300)
    assert price.cost(told) == Decimal(100 * 10 + 600 * 1 + 300 * 12 + 60 * 20 + 40 * 30) / 1_000_000
    assert Price(Decimal(10), Decimal(20)).cost(told) == Decimal(1000 * 10 + 100 * 20) / 1_000_000
    assert Price(0, 0).cost(told) == 0
    # A token that a provider reports as read and as written is paid once.
    assert price.cost(usage(1000, 0, cached=1000, cache_write=1000)) == Decimal(1000) / 1_000_000


@pytest.mark.parametrize("field", ["input", "output", "cached_input", "cache_write", "reasoning"])
@pytest.mark.parametrize(
    "nonsense",
    [Decimal(-1), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e9"), 0.5, "1", True],
)
def test_nonsense_is_refused_and_named(field, nonsense):
    with pytest.raises(ValueError, match=rf"^{field} "):
        Price(**{"input": Decimal(1), "output": Decimal(1), field: nonsense})


def test_input_and_output_are_needed():
    with pytest.raises(ValueError, match=r"^output "):
        Price(Decimal(1), None)


def test_nothing_is_fetched(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a price was looked for on the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    price_of("gpt-4o-2024-08-06", usage(1, 1), provider="openai")
    price_of("a-model-that-nobody-knows", usage(1, 1), provider="openai")


@pytest.mark.parametrize("nonsense", ["NaN", "Infinity", "-Infinity"])
def test_a_cost_that_is_no_finite_number_is_unknown(monkeypatch, nonsense):
    monkeypatch.setattr(pricing, "_table_cost", lambda *_: Decimal(nonsense))
    assert pricing.price_of("gpt-4o", usage(1000, 100), provider="openai") is None
    monkeypatch.setattr(Price, "cost", lambda *_: Decimal(nonsense))
    assert pricing.price_of("mine", usage(1000, 100), prices={"mine": Price(Decimal(1), Decimal(1))}) is None
