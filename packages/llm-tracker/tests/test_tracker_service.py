"""The model layer: requests to each provider, and their answers."""

import threading

import pytest
from openai.types.chat import ChatCompletion

import llm_tracker
from llm_tracker.llm_service import get_llm_service

KEY = "sk-a-key-that-nobody-may-see-0123456789"
MESSAGES = [{"role": "user", "content": "Say hello."}]


def test_chat_gives_text_or_the_raw_response_and_records_nothing(ledger):
    service = get_llm_service()
    assert service.chat(messages=MESSAGES) == "Hello!"
    raw = service.chat(messages=MESSAGES, max_tokens=5, temperature=0.5, raw_response=True)
    assert isinstance(raw, ChatCompletion)
    assert raw.choices[0].message.content == "Hello!"
    assert raw.usage.total_tokens == 30
    assert ledger.rows() == []


async def test_achat_is_the_same(ledger):
    assert await get_llm_service().achat(MESSAGES) == "Hello!"
    with pytest.raises(ValueError, match="stream"):
        await get_llm_service().achat(MESSAGES, stream=True)


def test_other_parameters_pass_through(ledger, chat_server):
    service = get_llm_service()
    service.chat(MESSAGES, model="other", seed=3, tools=[{"type": "function", "function": {"name": "f"}}])
    assert chat_server.requests[0]["model"] == "other"
    assert chat_server.requests[0]["seed"] == 3
    assert chat_server.requests[0]["tools"]
    chunks = list(service.chat(MESSAGES, stream=True))
    assert chunks[0].choices[0].delta.content == "Hel"


def test_empty_messages_are_refused(ledger):
    with pytest.raises(ValueError, match="Messages cannot be empty"):
        get_llm_service().chat(messages=[])


def test_the_same_configuration_is_the_same_service(ledger, chat_server):
    first = get_llm_service()
    assert get_llm_service() is first
    llm_tracker.configure(OPENAI_CONFIG={"api_key": KEY, "api_base": chat_server.url, "model": "other"})
    assert get_llm_service() is not first


def test_threads_share_one_service(ledger):
    found = []
    threads = [threading.Thread(target=lambda: found.append(get_llm_service())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_defaults_of_the_config_apply_until_a_call_says_otherwise(clean, chat_server):
    config = {
        "api_key": KEY,
        "api_base": chat_server.url,
        "model": "m",
        "max_tokens": 100,
        "temperature": 0.2,
    }
    llm_tracker.configure(OPENAI_CONFIG=config)
    get_llm_service().chat(MESSAGES)
    get_llm_service().chat(MESSAGES, max_tokens=7, temperature=0)
    first, second = chat_server.requests
    assert (first["max_tokens"], first["temperature"]) == (100, 0.2)
    assert (second["max_tokens"], second["temperature"]) == (7, 0)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("o1-mini", "max_completion_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("gpt-5", "max_completion_tokens"),
        ("gpt-5-mini-2025-08-07", "max_completion_tokens"),
        ("gpt-4.1-mini", "max_tokens"),
        ("gpt-4o", "max_tokens"),
    ],
)
def test_reasoning_models_get_the_limit_that_they_take(clean, chat_server, model, name):
    llm_tracker.configure(OPENAI_CONFIG={"api_key": KEY, "api_base": chat_server.url, "model": model})
    get_llm_service().chat(MESSAGES, max_tokens=9)
    limits = {"max_tokens", "max_completion_tokens"}
    assert {key: value for key, value in chat_server.requests[0].items() if key in limits} == {name: 9}


def test_azure_is_called_at_its_deployment(clean, chat_server):
    base = chat_server.url.removesuffix("/v1")
    config = {
        "api_key": KEY,
        "api_base": base,
        "api_version": "2024-10-21",
        "model": "gpt-4o",
        "deployment": "mine",
    }
    llm_tracker.configure(LLM_PROVIDER="azure_openai", AZURE_OPENAI_CONFIG=config)
    assert get_llm_service().chat(MESSAGES) == "Hello!"
    assert chat_server.paths == ["/openai/deployments/mine/chat/completions?api-version=2024-10-21"]
    assert chat_server.headers[0]["api-key"] == KEY


def test_azures_newer_address_is_called_as_openai_is(clean, chat_server):
    base = chat_server.url.removesuffix("/v1") + "/openai/v1/"
    config = {"api_key": KEY, "api_base": base, "model": "mine"}
    llm_tracker.configure(LLM_PROVIDER="azure_openai", AZURE_OPENAI_CONFIG=config)
    assert get_llm_service().chat(MESSAGES) == "Hello!"
    assert chat_server.paths == ["/openai/v1/chat/completions"]


def test_gemini_is_called_at_its_compatible_endpoint(clean, chat_server):
    llm_tracker.configure(LLM_PROVIDER="gemini", GEMINI_CONFIG={"api_key": KEY})
    service = get_llm_service()
    assert service.config.api_base == "https://generativelanguage.googleapis.com/v1beta/openai/"
    assert service.model.startswith("gemini-")
    llm_tracker.configure(GEMINI_CONFIG={"api_key": KEY, "api_base": chat_server.url})
    get_llm_service().chat(MESSAGES, max_tokens=9)
    assert chat_server.requests[0]["max_tokens"] == 9
    assert chat_server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_a_local_server_needs_neither_key_nor_model(clean, chat_server, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    llm_tracker.configure(
        LLM_PROVIDER="openai_compatible", OPENAI_COMPATIBLE_CONFIG={"api_base": chat_server.url}
    )
    assert get_llm_service().chat(MESSAGES) == "Hello!"
    assert get_llm_service().chat(MESSAGES) == "Hello!"
    assert [request["model"] for request in chat_server.requests] == ["the-only-model"] * 2
    assert chat_server.paths.count("/v1/models") == 1
    assert "authorization" not in chat_server.headers[0]
    assert "openai-organization" not in chat_server.headers[0]


def test_a_server_that_lists_no_model_asks_for_one(clean):
    config = {"api_base": "http://127.0.0.1:9/v1", "max_retries": 0}
    llm_tracker.configure(LLM_PROVIDER="openai_compatible", OPENAI_COMPATIBLE_CONFIG=config)
    with pytest.raises(ValueError, match=r"OPENAI_COMPATIBLE_CONFIG\['model'\] is missing"):
        get_llm_service().chat(MESSAGES)


def test_openai_compatible_may_share_the_config_of_openai(clean, chat_server):
    config = {"api_key": KEY, "base_url": chat_server.url, "model": "m"}
    llm_tracker.configure(LLM_PROVIDER="openai_compatible", OPENAI_CONFIG=config)
    assert get_llm_service().chat(MESSAGES) == "Hello!"
