"""The configurations that each start makes from settings."""

import pytest
from sqlalchemy import text

from daybook.gateway.providers.local_models import seed_local_models
from daybook.gateway.providers.schemas import ConfigUpdate
from daybook.gateway.providers.service import change_config, config_id_of, list_configs, load_configs
from daybook.gateway.providers.vault import Vault
from daybook.settings import Settings
from support.gateway.upstream import Reply


@pytest.fixture
def start(database, tmp_path):
    """Start with these settings; the enabled configurations by name."""

    async def start(**values):
        settings = Settings(data=tmp_path, **values)
        await seed_local_models(database, Vault.of(settings), settings)
        async with database.read() as session:
            return {one.name: one for one in await load_configs(session, Vault.of(settings))}

    return start


async def test_the_demo_model_follows_its_port_and_keeps_its_id(start):
    first = await start(demo_url="http://127.0.0.1:5001")
    assert first["demo"].base_url == "http://127.0.0.1:5001/v1"
    assert first["demo"].models == ("daybook-demo",)
    assert (first["demo"].priority, first["demo"].api_key) == (1000, None)
    second = await start(demo_url="http://127.0.0.1:5002/v1/")
    assert second["demo"].base_url == "http://127.0.0.1:5002/v1"
    assert second["demo"].id == first["demo"].id


async def test_what_is_not_set_any_more_is_disabled_and_comes_back(start):
    assert list(await start(demo_url="http://127.0.0.1:5001")) == ["demo"]
    assert await start() == {}
    assert list(await start(demo_url="http://127.0.0.1:5001")) == ["demo"]


async def test_without_settings_nothing_is_made(start, database):
    assert await start() == {}
    async with database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM llm_configs")) == 0


async def test_a_server_of_one_s_own_is_asked_for_its_models(start, upstream):
    upstream.reply(Reply(body={"data": [{"id": "llama"}, {"id": "qwen"}]}))
    found = await start(model_url=upstream.url + "/v1/", model_key="sk-local")
    assert found["local"].models == ("llama", "qwen")
    assert found["local"].base_url == upstream.url + "/v1"
    assert found["local"].api_key == "sk-local"
    assert upstream.received[0].headers["authorization"] == "Bearer sk-local"


async def test_a_bare_address_gets_the_path_where_the_api_is(start, upstream):
    upstream.reply(Reply(status=404, body={}), Reply(body={"data": [{"id": "llama"}]}))
    found = await start(model_url=upstream.url)
    assert found["local"].base_url == upstream.url + "/v1"
    assert found["local"].models == ("llama",)


async def test_a_server_that_is_not_up_yet_answers_for_all_and_what_was_found_is_kept(start, upstream):
    found = await start(model_url="http://127.0.0.1:1/v1")
    assert found["local"].models == ("*",)
    upstream.reply(Reply(body={"data": [{"id": "llama"}]}))
    await start(model_url=upstream.url + "/v1")
    found = await start(model_url="http://127.0.0.1:1/v1")
    assert found["local"].models == ("llama",)


async def test_order_and_weight_stay_as_they_were_set(start, database, tmp_path):
    await start(demo_url="http://127.0.0.1:5001")
    vault = Vault(tmp_path)
    async with database.write() as session:
        config_id = await config_id_of(session, "demo")
        await change_config(session, vault, config_id, ConfigUpdate(priority=3, weight=9, enabled=False))
    found = await start(demo_url="http://127.0.0.1:5002")
    assert (found["demo"].priority, found["demo"].weight) == (3, 9)


async def test_settings_that_cannot_be_read_become_defaults(start, database, tmp_path, caplog):
    await start(demo_url="http://127.0.0.1:5001")
    async with database.write() as session:
        await session.execute(text("""UPDATE llm_configs SET settings = '{"retries": "many"}'"""))
    async with database.read() as session:
        [shown] = await list_configs(session, Vault(tmp_path))
    assert shown.settings.retries == 2
    assert "demo" in caplog.text
