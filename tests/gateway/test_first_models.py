"""What a first program can call in each API."""

import pytest

from daybook.settings import Settings
from support.api import Api

CONFIGS = "/api/v1/admin/llm-configs"


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path)


@pytest.fixture
def root(admin):
    return Api(admin)


async def add(root, **config):
    status, answer = await root.call("POST", CONFIGS, {"api_key": "sk-of-a-test", **config})
    assert status == 201, answer
    return answer


async def first(root):
    found = await root.get("/api/v1/first-models")
    return {family: one and (one["model"], one["is_demo"]) for family, one in found.items()}


async def test_without_providers_nothing_works(root):
    assert await first(root) == {"openai": None, "anthropic": None, "gemini": None}


async def test_the_demo_model_answers_two_apis_and_costs_nothing(root):
    await add(root, name="main", provider="openai", models=["gpt-*"])
    await add(
        root,
        name="small",
        provider="openai_compatible",
        base_url="http://127.0.0.1:9/v1",
        models=["daybook-demo"],
    )

    demo = ("daybook-demo", True)
    assert await first(root) == {"openai": demo, "anthropic": demo, "gemini": None}


async def test_a_provider_answers_with_a_model_that_it_has(root):
    await add(root, name="claude", provider="anthropic")
    assert await first(root) == {
        "openai": ("claude-haiku-4-5", False),
        "anthropic": ("claude-haiku-4-5", False),
        "gemini": None,
    }

    await add(root, name="google", provider="gemini", models=["gemini-3-pro", "embedding-*"], priority=1)
    assert (await first(root))["gemini"] == ("gemini-3-pro", False)


async def test_what_is_switched_off_or_names_no_model_answers_nothing(root):
    await add(root, name="off", provider="openai", enabled=False)
    await add(
        root,
        name="patterns",
        provider="openai_compatible",
        base_url="http://127.0.0.1:9/v1",
        models=["house-*"],
    )

    assert await first(root) == {"openai": None, "anthropic": None, "gemini": None}


async def test_a_stranger_is_told_nothing(visitor):
    status, _ = await Api(visitor).call("GET", "/api/v1/first-models")

    assert status == 401
