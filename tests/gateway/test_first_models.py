"""What a first program can call in each API."""

from support.application.api import Api

CONFIGS = "/api/v1/admin/llm-configs"
NOTHING = {
    "openai": ("gpt-5-mini", "nothing"),
    "anthropic": ("claude-haiku-4-5", "nothing"),
    "gemini": ("gemini-2.5-flash", "nothing"),
}


async def add(root, **config):
    status, answer = await root.call("POST", CONFIGS, {"api_key": "sk-of-a-test", **config})
    assert status == 201, answer
    return answer


async def first(root):
    found = await root.get("/api/v1/first-models")
    return {family: (one["model"], one["answered_by"]) for family, one in found.items()}


async def test_without_providers_nothing_answers_the_usual_models(root):
    assert await first(root) == NOTHING


async def test_the_demo_model_answers_two_apis_and_costs_nothing(root):
    await add(root, name="main", provider="openai", models=["gpt-*"])
    await add(
        root,
        name="small",
        provider="openai_compatible",
        base_url="http://127.0.0.1:9/v1",
        models=["daybook-demo"],
    )

    demo = ("daybook-demo", "demo")
    assert await first(root) == {**NOTHING, "openai": demo, "anthropic": demo}


async def test_a_provider_answers_with_a_model_that_it_has(root):
    await add(root, name="claude", provider="anthropic")
    assert await first(root) == {
        **NOTHING,
        "openai": ("claude-haiku-4-5", "provider"),
        "anthropic": ("claude-haiku-4-5", "provider"),
    }

    await add(root, name="google", provider="gemini", models=["gemini-3-pro", "embedding-*"], priority=1)
    assert (await first(root))["gemini"] == ("gemini-3-pro", "provider")


async def test_what_is_switched_off_or_names_no_model_answers_nothing(root):
    await add(root, name="off", provider="openai", enabled=False)
    await add(
        root,
        name="patterns",
        provider="openai_compatible",
        base_url="http://127.0.0.1:9/v1",
        models=["house-*"],
    )

    assert await first(root) == NOTHING


async def test_a_stranger_is_told_nothing(visitor):
    status, _ = await Api(visitor).call("GET", "/api/v1/first-models")

    assert status == 401
