"""The summary that `prepare` finds in the database for the startup message."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from daybook.accounts import repository, service
from daybook.accounts.models import ActivationCode
from daybook.gateway.providers.models import LLMConfig
from daybook.gateway.providers.vault import Vault
from daybook.kit.clock import now
from daybook.launcher.credentials import Credentials
from daybook.launcher.prepare import summarize
from daybook.launcher.startup_summary import StartupSummary
from daybook.settings import Settings


@pytest.fixture
def vault(tmp_path):
    return Vault.of(Settings(data=tmp_path))


@pytest.fixture
async def kept(session):
    made = await service.first_run(session)
    return Credentials("http://127.0.0.1:8400", made.account, made.password, made.code)


async def add(session, name, models, priority, **more):
    values = {"provider": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "api_key": "", **more}
    session.add(LLMConfig(name=name, models=models, priority=priority, **values))
    await session.flush()


async def test_a_new_installation_offers_the_demo_model(session, vault, kept):
    await add(session, "demo", ["daybook-demo"], 1000)
    assert await summarize(session, vault, kept) == StartupSummary(model="daybook-demo", provider="demo")


async def test_the_first_that_names_a_model_is_offered(session, vault, kept):
    await add(session, "demo", ["daybook-demo"], 1000)
    await add(session, "patterns", ["*", "gpt-*"], 1)
    await add(session, "off", ["of-off"], 2, enabled=False)
    await add(session, "named", ["gpt-*", "gpt-x", "gpt-y"], 4)
    assert await summarize(session, vault, kept) == StartupSummary(model="gpt-x", provider="named")


async def test_where_none_is_named_the_first_provider_is(session, vault, kept):
    assert await summarize(session, vault, kept) == StartupSummary()
    await add(session, "patterns", ["gpt-*"], 1)
    assert await summarize(session, vault, kept) == StartupSummary(provider="patterns")


async def test_only_a_model_that_the_code_may_call_is_offered(session, vault, kept):
    await add(session, "demo", ["daybook-demo"], 1000)
    await add(session, "named", ["gpt-x", "gpt-y"], 4)
    await change_code(session, models=["*-y"])
    assert (await summarize(session, vault, kept)).model == "gpt-y"


@pytest.mark.parametrize(
    "change",
    [{"revoked_at": now()}, {"expires_at": now() - timedelta(minutes=1)}],
    ids=["revoked", "expired"],
)
async def test_a_code_that_the_gateway_refuses_is_no_longer_offered(session, vault, kept, change):
    await add(session, "demo", ["daybook-demo"], 1000)
    await change_code(session, **change)
    assert await summarize(session, vault, kept) == StartupSummary(code_holds=False)


async def test_a_password_that_was_changed_is_noticed(session, vault, kept):
    assert (await summarize(session, vault, kept)).password_holds
    await service.set_password(session, kept.account)
    found = await summarize(session, vault, kept)
    assert not found.password_holds
    assert found.code_holds


async def test_an_account_that_is_gone_opens_nothing(session, vault, kept):
    user = await repository.user_by_account(session, kept.account)
    user.account = "somebody"
    await session.flush()
    assert not (await summarize(session, vault, kept)).password_holds


async def test_without_credentials_there_is_nothing_to_say(session, vault):
    assert await summarize(session, vault, None) == StartupSummary()


async def change_code(session, **changes):
    (code,) = await session.scalars(select(ActivationCode))
    for name, value in changes.items():
        setattr(code, name, value)
    await session.flush()
