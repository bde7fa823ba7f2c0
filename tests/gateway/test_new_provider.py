"""A new provider is one file and one line in `PROVIDERS`."""

import pytest

from daybook.gateway.providers.kinds import PROVIDERS
from support.gateway.acme import ACME
from support.gateway.known import Budgets
from support.gateway.upstream import Reply

CONFIGS = "/api/v1/admin/llm-configs"
CALL = {"model": "anvil", "messages": [{"role": "user", "content": "Fall."}]}
ANSWER = {
    "model": "anvil",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Ouch."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
CATALOG = {"catalog": [{"title": "anvil"}, {"title": "anvil-small"}]}


@pytest.fixture(autouse=True)
def _acme(monkeypatch):
    monkeypatch.setitem(PROVIDERS, ACME.name, ACME)


async def create(root, **fields):
    return await root.call("POST", CONFIGS, {"name": "main", "provider": "acme", "api_key": "k-1", **fields})


async def test_pages_offer_it(root):
    listed = await root.get("/api/v1/admin/providers")

    assert listed[-1] == {"name": "acme", "label": "Acme", "default_base_url": "https://acme.example"}
    assert [one["name"] for one in listed[:-1]] == [name for name in PROVIDERS if name != "acme"]


async def test_it_is_configured_at_its_own_address_or_at_another(root):
    status, config = await create(root)
    assert (status, config["base_url"], config["supported"]) == (201, "https://acme.example", True)

    status, config = await create(root, name="other", base_url="http://127.0.0.1:9/a/talk/")
    assert (status, config["base_url"]) == (201, "http://127.0.0.1:9/a")


async def test_it_is_tested_by_its_list_and_refuses_a_bad_key_in_its_way(root, upstream):
    upstream.reply(Reply(body=CATALOG), Reply(status=418, body="a teapot"))
    _, config = await create(root, base_url=upstream.url, models=["anvil", "hammer"])
    test = f"{CONFIGS}/{config['id']}/test"

    _, good = await root.call("POST", test)
    _, bad = await root.call("POST", test)

    assert (good["finding"], good["models"], good["missing_models"]) == ("key_accepted", 2, ["hammer"])
    assert (bad["finding"], bad["key_accepted"]) == ("key_refused", False)
    request = upstream.received[0]
    assert (request.path, request.headers["acme-key"], request.headers["acme-date"]) == (
        "/catalog",
        "k-1",
        "today",
    )


async def test_a_first_program_is_given_its_model(root):
    await create(root)

    assert (await root.get("/api/v1/first-models"))["openai"] == {
        "model": "anvil-small",
        "answered_by": "provider",
    }


async def test_a_call_leaves_a_line(gateway, upstream):
    upstream.reply(Reply(body=ANSWER))
    await gateway.add_config("main", upstream.url, provider="acme", key="k-1")

    assert await gateway.call("/v1/chat/completions", CALL) == (200, ANSWER)

    request = upstream.received[0]
    assert (request.path, request.headers["acme-key"], request.headers["acme-date"]) == (
        "/talk/anvil",
        "k-1",
        "today",
    )
    assert "authorization" not in request.headers
    (line,) = await gateway.lines()
    assert (line["provider"], line["model"], line["total_tokens"]) == ("acme", "anvil", 5)
    assert (line["success"], line["is_estimated"]) == (True, False)


async def test_its_models_are_listed_and_only_its_apis_are_answered(gateway, upstream):
    upstream.reply(Reply(body=CATALOG))
    await gateway.add_config("main", upstream.url, provider="acme", key="k-1")

    async with gateway.http.get(f"{gateway.url}/v1/models", headers=gateway.headers()) as response:
        assert [one["id"] for one in (await response.json())["data"]] == ["anvil", "anvil-small"]
    status, body = await gateway.call("/v1/embeddings", {"model": "anvil", "input": "x"})
    assert (status, body["error"]["code"]) == (404, "api_not_served")


async def test_a_hard_budget_sets_its_own_maximum(gateway, upstream):
    await Budgets(gateway.resources, "group", 1).add(5000)
    upstream.reply(Reply(body=ANSWER))
    await gateway.add_config("main", upstream.url, provider="acme", key="k-1")

    assert (await gateway.call("/v1/chat/completions", CALL))[0] == 200

    assert upstream.received[0].json == {**CALL, "most_tokens": 4096}


async def test_a_refused_key_is_told_to_the_administrator_not_to_the_caller(gateway, upstream):
    upstream.reply(Reply(status=401, body={"error": "k-1 is wrong"}))
    await gateway.add_config("main", upstream.url, provider="acme", key="k-1")

    status, body = await gateway.call("/v1/chat/completions", CALL)

    assert (status, body["error"]["code"]) == (502, "upstream_auth")
    assert "k-1" not in body["error"]["message"]
