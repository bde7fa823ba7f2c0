"""Base URLs in one spelling, and which models a configuration answers for."""

import time

import pytest

from daybook.gateway.providers.base_urls import normalised_base_url
from daybook.gateway.providers.config import ProviderConfig
from daybook.gateway.providers.kinds import OPENAI, PROVIDERS


@pytest.mark.parametrize(
    ("provider", "text", "normal"),
    [
        ("openai", None, "https://api.openai.com/v1"),
        ("openai", "  https://API.OpenAI.com:443/v1/ ", "https://api.openai.com/v1"),
        ("openai", "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        ("anthropic", "", "https://api.anthropic.com"),
        ("anthropic", "https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("anthropic", "https://proxy.example/a/v1/messages", "https://proxy.example/a"),
        ("gemini", None, "https://generativelanguage.googleapis.com"),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            "https://generativelanguage.googleapis.com",
        ),
        ("azure_openai", "https://x.openai.azure.com/openai/v1/", "https://x.openai.azure.com"),
        ("azure_openai", "https://x.openai.azure.com/openai", "https://x.openai.azure.com"),
        ("openai_compatible", "http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("openai_compatible", "http://[::1]:8080/v1/", "http://[::1]:8080/v1"),
        ("openai_compatible", "https://api.example", "https://api.example"),
    ],
)
def test_an_address_has_one_spelling(provider, text, normal):
    assert normalised_base_url(PROVIDERS[provider], text) == normal


@pytest.mark.parametrize(
    ("models", "model", "serves"),
    [
        (("gpt-4o",), "gpt-4o", True),
        (("gpt-4o",), "gpt-4o-mini", False),
        (("gpt-*",), "gpt-4o", True),
        (("gpt-*",), "my-gpt-4o", False),
        (("*",), "anything/at:all", True),
        (("a*b*c",), "abc", True),
        (("a*b*c",), "a-b-b-c", True),
        (("a*b*c",), "acb", False),
        (("ab*ba",), "aba", False),
        (("a*a",), "a", False),
        (("gpt-[45]",), "gpt-4", False),
        (("gpt.4",), "gpt-4", False),
    ],
)
def test_a_star_stands_for_anything_and_nothing_else_is_special(models, model, serves):
    config = ProviderConfig(id=1, name="x", provider=OPENAI, base_url="http://x", models=models)
    assert config.serves(model) is serves


def test_a_long_name_against_many_stars_takes_no_time():
    pattern = "*a" * 60 + "*b"
    config = ProviderConfig(id=1, name="x", provider=OPENAI, base_url="http://x", models=(pattern,))
    began = time.perf_counter()
    assert config.serves("a" * 10_000) is False
    assert time.perf_counter() - began < 0.5
