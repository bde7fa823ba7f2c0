"""Provider configurations over the API: keys go in, are used, and never come out."""

import json
import logging

import pytest
from sqlalchemy import text

from daybook.gateway.providers.service import load_configs
from daybook.gateway.providers.vault import Vault
from support.application.api import Api
from support.gateway.upstream import Reply

CONFIGS = "/api/v1/admin/llm-configs"
KEY = "sk-very-secret-0123456789"


async def make(root, **fields):
    status, config = await root.call(
        "POST", CONFIGS, {"name": "main", "provider": "openai", "api_key": KEY, **fields}
    )
    assert status == 201, config
    return config


async def providers(database, settings):
    async with database.read() as session:
        return await load_configs(session, Vault.of(settings), limits=settings)


async def test_a_key_is_used_and_shown_nowhere(database, root, settings, caplog):
    caplog.set_level(logging.DEBUG)
    config = await make(root)
    assert config["has_key"] is True
    assert config["key_unreadable"] is False
    assert config["base_url"] == "https://api.openai.com/v1"
    said = json.dumps([config, await root.get(CONFIGS), await root.get(f"{CONFIGS}/{config['id']}")])
    async with database.read() as session:
        stored = await session.scalar(text("SELECT api_key FROM llm_configs"))
    [provider] = await providers(database, settings)
    assert provider.api_key == KEY
    for place in (said, stored, repr(provider), str(provider), caplog.text, repr(Vault.of(settings))):
        assert KEY not in place


async def test_a_change_keeps_what_it_does_not_name(database, root, settings):
    config = await make(
        root, models=["gpt-4o", "gpt-4o", "o*"], settings={"retries": 0, "stream_usage": False}
    )
    assert config["models"] == ["gpt-4o", "o*"]
    path = f"{CONFIGS}/{config['id']}"
    status, changed = await root.call("PATCH", path, {"priority": 5})
    assert status == 200
    assert changed == {**config, "priority": 5, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > config["updated_at"]
    [provider] = await providers(database, settings)
    assert (provider.api_key, provider.retries, provider.stream_usage) == (KEY, 0, False)

    status, changed = await root.call("PATCH", path, {"api_key": None, "settings": {"idle_timeout": 7}})
    assert (status, changed["has_key"]) == (200, False)
    [provider] = await providers(database, settings)
    assert (provider.api_key, provider.retries, provider.idle_timeout) == (None, 2, 7)
    assert provider.connect_timeout == settings.connect_timeout


async def test_only_enabled_ones_are_loaded_in_order_of_priority(database, root, settings):
    for name, priority, enabled in (("a", 3, True), ("b", 1, False), ("c", 2, True)):
        await make(root, name=name, priority=priority, enabled=enabled)
    assert [one.name for one in await providers(database, settings)] == ["c", "a"]
    assert [one["name"] for one in await root.get(CONFIGS)] == ["b", "c", "a"]


async def test_with_another_secret_it_says_so_and_a_new_key_mends_it(database, root, settings):
    config = await make(root)
    (settings.data / "secret.key").unlink()
    [shown] = await root.get(CONFIGS)
    assert (shown["has_key"], shown["key_unreadable"]) == (True, True)
    [provider] = await providers(database, settings)
    assert (provider.api_key, provider.key_unreadable) == (None, True)
    status, found = await root.call("POST", f"{CONFIGS}/{config['id']}/test")
    assert (status, found["ok"]) == (200, False)
    assert "enter it again" in found["message"]
    assert found["finding"] == "key_unreadable"

    status, shown = await root.call("PATCH", f"{CONFIGS}/{config['id']}", {"api_key": "sk-new"})
    assert (status, shown["key_unreadable"]) == (200, False)
    [provider] = await providers(database, settings)
    assert provider.api_key == "sk-new"


async def test_a_deleted_configuration_is_gone(root):
    config = await make(root)
    path = f"{CONFIGS}/{config['id']}"
    assert await root.call("DELETE", path) == (204, None)
    for method in ("GET", "DELETE"):
        status, body = await root.call(method, path)
        assert (status, body["error"]["code"]) == (404, "not_found")


NONSENSE = [
    ({"name": "Bad Name"}, "name"),
    ({"name": "x\x00"}, "name"),
    ({"provider": "nobody"}, "provider"),
    ({"provider": "azure_openai"}, "base_url"),
    ({"base_url": "ftp://example.org"}, "base_url"),
    ({"base_url": "https://"}, "base_url"),
    ({"base_url": "https://user:hunter2@example.org/v1"}, "base_url"),
    ({"base_url": "https://example.org/v1?key=hunter2"}, "base_url"),
    ({"base_url": "https://example.org:99999/hunter2"}, "base_url"),
    ({"base_url": "https://exa mple.org/hunter2"}, "base_url"),
    ({"api_key": "hunter2\r\nx-root: 1"}, "api_key"),
    ({"api_key": "hunter2" * 1000}, "api_key"),
    ({"models": []}, "models"),
    ({"models": ["a\x00b"]}, "models"),
    ({"models": ["x" * 129]}, "models"),
    ({"weight": 0}, "weight"),
    ({"priority": 2**40}, "priority"),
    ({"settings": {"headers": {"Authorization": "Bearer hunter2"}}}, "authorization"),
    ({"settings": {"headers": {"x-api-key": "hunter2"}}}, "x-api-key"),
    ({"settings": {"headers": {"x-a": "b\r\nc: hunter2"}}}, "header"),
    ({"settings": {"no_such": 1}}, "no_such"),
    ({"surprise": 1}, "surprise"),
]


async def test_nonsense_is_refused_in_words_without_repeating_secrets(root):
    for fields, word in NONSENSE:
        status, body = await root.call(
            "POST", CONFIGS, {"name": "main", "provider": "openai", "api_key": KEY, **fields}
        )
        assert status in {400, 422}, fields
        assert word in body["error"]["message"]
        assert KEY not in json.dumps(body)
        assert "hunter2" not in json.dumps(body)
    assert await root.get(CONFIGS) == []


async def test_a_taken_name_and_a_reserved_one_are_refused(root):
    config = await make(root)
    await make(root, name="other")
    for method, path, fields, code in (
        ("POST", CONFIGS, {"name": "other", "provider": "openai"}, "config_taken"),
        ("POST", CONFIGS, {"name": "demo", "provider": "openai"}, "config_reserved"),
        ("PATCH", f"{CONFIGS}/{config['id']}", {"name": "other"}, "config_taken"),
        ("PATCH", f"{CONFIGS}/{config['id']}", {"name": "local"}, "config_reserved"),
    ):
        status, body = await root.call(method, path, fields)
        assert (status, body["error"]["code"]) == (409, code)
        assert body["error"]["details"] == {"name": fields["name"]}


async def test_only_administrators_may(root, visitor, ana):
    config = await make(root)
    for client, status in ((Api(visitor), 401), (Api(ana), 403)):
        for method, path, body in (
            ("GET", CONFIGS, None),
            ("POST", CONFIGS, {"name": "x", "provider": "openai"}),
            ("GET", f"{CONFIGS}/{config['id']}", None),
            ("PATCH", f"{CONFIGS}/{config['id']}", {"enabled": False}),
            ("DELETE", f"{CONFIGS}/{config['id']}", None),
            ("POST", f"{CONFIGS}/{config['id']}/test", None),
        ):
            assert (await client.call(method, path, body))[0] == status
    assert (await root.get(CONFIGS))[0]["enabled"] is True


async def test_an_unknown_provider_is_refused_with_the_known_names(root):
    status, body = await root.call("POST", CONFIGS, {"name": "main", "provider": "acme"})

    assert (status, body["error"]["code"]) == (422, "invalid_request")
    assert "openai, anthropic, gemini, azure_openai, openai_compatible" in body["error"]["message"]


async def test_a_provider_of_a_later_version_is_listed_and_never_used(root, database, settings):
    config = await make(root)
    other = await make(root, name="other")
    async with database.write() as session:
        await session.execute(text("UPDATE llm_configs SET provider = 'acme' WHERE name = 'main'"))
    path = f"{CONFIGS}/{config['id']}"

    shown = {one["name"]: (one["provider"], one["supported"]) for one in await root.get(CONFIGS)}
    assert shown == {"main": ("acme", False), "other": ("openai", True)}
    assert [one.name for one in await providers(database, settings)] == [other["name"]]
    status, body = await root.call("POST", f"{path}/test")
    assert (status, body["error"]["code"], body["error"]["details"]) == (
        409,
        "provider_unknown",
        {"provider": "acme"},
    )
    status, body = await root.call("PATCH", path, {"base_url": "http://127.0.0.1:9"})
    assert (status, body["error"]["code"]) == (409, "provider_unknown")
    assert (await root.call("PATCH", path, {"enabled": False}))[1]["enabled"] is False
    status, body = await root.call("PATCH", path, {"provider": "openai", "base_url": None})
    assert (status, body["provider"], body["supported"]) == (200, "openai", True)
    assert (await root.call("DELETE", path))[0] == 204


async def test_an_id_that_cannot_be_one_is_refused(root):
    for config_id in ("0", "x", str(2**31), str(2**70)):
        status, body = await root.call("GET", f"{CONFIGS}/{config_id}")
        assert status == 422
        assert "config_id" in body["error"]["message"]


@pytest.mark.parametrize(
    ("provider", "path", "header", "answer", "suffix"),
    [
        ("openai", "/v1/models", ("authorization", f"Bearer {KEY}"), {"data": [{"id": "m"}]}, "/v1"),
        ("anthropic", "/v1/models?limit=1000", ("x-api-key", KEY), {"data": [{"id": "m"}]}, "/v1"),
        (
            "gemini",
            "/v1beta/models?pageSize=1000",
            ("x-goog-api-key", KEY),
            {"models": [{"name": "models/m"}]},
            "",
        ),
        ("azure_openai", "/openai/v1/models", ("api-key", KEY), {"data": [{"id": "m"}]}, "/openai/v1/"),
    ],
)
async def test_testing_asks_the_provider_with_its_key(root, upstream, provider, path, header, answer, suffix):
    upstream.reply(Reply(body=answer))
    config = await make(
        root, provider=provider, base_url=upstream.url + suffix, models=["m", "missing", "x*"]
    )
    status, found = await root.call("POST", f"{CONFIGS}/{config['id']}/test")
    assert status == 200
    assert (found["ok"], found["reachable"], found["key_accepted"], found["models"]) == (True, True, True, 1)
    assert found["missing_models"] == ([] if provider == "azure_openai" else ["missing"])
    [received] = upstream.received
    assert received.path == path
    assert received.headers[header[0]] == header[1]


ANSWERS = [
    (
        Reply(status=401, body={"error": {"message": f"Incorrect API key: {KEY}"}}),
        False,
        "refuses the key",
        "key_refused",
    ),
    (
        Reply(status=400, body={"error": {"details": [{"reason": "API_KEY_INVALID"}]}}),
        False,
        "refuses the key",
        "key_refused",
    ),
    (Reply(status=404, body={}), None, "/v1", "no_list_v1"),
    (Reply(status=429, body={}), None, "wait", "asks_to_wait"),
    (Reply(status=500, body=KEY), None, "try again later", "failing"),
    (Reply(status=302, headers={"location": f"http://example.org/{KEY}"}), None, "elsewhere", "elsewhere"),
    (Reply(status=200, body=b"<html>hello</html>", content_type="text/html"), None, "base_url", "no_models"),
    (Reply(status=200, body=["not", "a", "list"]), None, "base_url", "no_models"),
    (Reply(chunks=[b'{"data": ['], cut=True), None, "broke off", "not_http"),
]


async def test_testing_says_what_is_wrong_and_repeats_nothing(root, upstream):
    config = await make(root, provider="openai_compatible", base_url=upstream.url)
    for reply, accepted, words, finding in ANSWERS:
        upstream.reply(reply)
        status, found = await root.call("POST", f"{CONFIGS}/{config['id']}/test")
        assert (status, found["ok"], found["reachable"]) == (200, False, True)
        assert found["key_accepted"] is accepted
        assert words in found["message"]
        assert found["finding"] == finding
        assert found["details"]["place"] in found["message"]
        assert str(found["details"].get("status", "")) in found["message"]
        assert KEY not in json.dumps(found)


async def test_testing_says_when_nobody_is_there(root):
    config = await make(root, provider="openai_compatible", base_url="http://127.0.0.1:1/v1")
    status, found = await root.call("POST", f"{CONFIGS}/{config['id']}/test")
    assert (status, found["ok"], found["reachable"]) == (200, False, False)
    assert "127.0.0.1:1" in found["message"]
    assert (found["finding"], found["details"]) == ("nobody_there", {"place": "127.0.0.1:1"})
