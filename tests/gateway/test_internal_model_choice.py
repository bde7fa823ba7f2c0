"""Which model writes diaries and which sees pictures, and what a person is told where there is none."""

import pytest
import pytest_asyncio

from daybook.gateway.internal import Model, open_internal_client
from daybook.gateway.providers.local_models import seed_local_models
from daybook.gateway.providers.vault import Vault
from daybook.settings import Settings

DEMO = Model("daybook-demo", is_demo=True)


@pytest_asyncio.fixture
async def models(gateway, database, upstream):
    """A gateway with the demo model and two others."""
    demo = Settings(data=gateway.settings.data, demo_url=upstream.url)
    await seed_local_models(database, Vault.of(demo), demo)
    await gateway.add_config("main", upstream.url + "/v1", models=["writer", "seer"])
    return gateway


@pytest.fixture
def choose(models, database, database_url):
    """What is chosen with these settings of the server."""

    async def choose(purpose, user_settings=None, **settings):
        values = Settings.model_validate({"data": models.settings.data, **settings})
        async with open_internal_client(values, database, database_url) as internal_client:
            return await internal_client.choice(purpose, user_settings)

    return choose


async def test_diaries_are_written_by_the_demo_model_where_nothing_is_set(choose):
    assert (await choose("diary")).model == DEMO
    assert (await choose("diary")).reason is None


async def test_nothing_sees_where_nothing_is_set(choose):
    choice = await choose("vision")
    assert choice.model is None
    assert "DAYBOOK_VISION_MODEL" in choice.reason


async def test_the_servers_models_come_before_the_demo_model(choose):
    assert (await choose("diary", diary_model="writer")).model == Model("writer")
    assert (await choose("vision", vision_model="main/seer")).model == Model("main/seer")


async def test_a_persons_wish_comes_before_the_servers(choose):
    wish = {"models": {"diary": "seer"}, "language": "en"}
    assert (await choose("diary", wish, diary_model="writer")).model == Model("seer")
    assert (await choose("vision", wish, vision_model="seer")).model == Model("seer")


async def test_a_wish_that_nobody_can_meet_is_passed_over_and_said(choose):
    wish = {"models": {"diary": "gone", "vision": "gone"}}
    written = await choose("diary", wish, diary_model="writer")
    assert written.model == Model("writer")
    assert "'gone' of your setting models.diary cannot be used" in written.reason
    demo = await choose("diary", wish, diary_model="gone-too")
    assert demo.model == DEMO
    assert "DAYBOOK_DIARY_MODEL" in demo.reason
    seen = await choose("vision", wish)
    assert seen.model is None
    assert "models.vision" in seen.reason


async def test_who_wishes_for_the_demo_model_is_told_that_it_is_one(choose):
    assert (await choose("diary", {"models": {"diary": "demo/daybook-demo"}})).model.is_demo


@pytest.mark.parametrize("wish", [None, "writer", {"diary": 3}, {"diary": ""}, ["writer"]])
async def test_settings_of_other_shapes_are_no_wish(choose, wish):
    assert (await choose("diary", {"models": wish})).model == DEMO


async def test_without_any_provider_there_is_none(gateway, database, database_url):
    async with open_internal_client(gateway.settings, database, database_url) as internal_client:
        choice = await internal_client.choice("diary", None)
    assert choice.model is None
    assert "no demo model" in choice.reason
