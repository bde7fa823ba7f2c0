"""Daybook's own calls: one line and one call log each, as everybody's, and errors that a person can read."""

import asyncio
import base64
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from daybook.db.engine import Database, asyncpg_dsn
from daybook.gateway.internal import is_lasting, open_internal_client
from daybook.kit.errors import Forbidden, Limited, NotFound, Unavailable, Upstream
from daybook.ledger.rate_limits.counters import RateKeeper
from daybook.ledger.verification.verify import verify
from daybook.settings import Settings
from llm_tracker.ids import uuid7
from support.gateway.internal_calls import TRACE, add_user, ask, said
from support.gateway.known import Budgets, read_providers
from support.gateway.upstream import Reply

PICTURE = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 40).decode()


@pytest_asyncio.fixture
async def internal_client(chat, database, database_url):
    """Internal calls beside the gateway, with `upstream` as the provider."""
    await add_user(database)
    async with open_internal_client(chat.settings, database, database_url) as internal_client:
        yield internal_client


@pytest.fixture
def budgets(internal_client):
    """Those of the person for whom the calls are made."""
    return Budgets(internal_client._resources, "user", 7)


async def test_a_call_leaves_one_line_and_one_log_without_a_code(internal_client, chat, upstream):
    upstream.reply(said())
    answer = await internal_client.call(ask(metadata={"day": "2026-11-20"}))
    assert (answer.text, answer.model, answer.finish_reason) == ("A quiet day.", "gpt-4o", "stop")
    assert (answer.usage.total_tokens, answer.reused) == (50, False)
    (line,), (log,) = await chat.lines(), await chat.logs()
    assert line["id"] == log["usage_id"] == log["call_id"] == answer.call_id
    assert (line["source"], line["user_id"], line["trace_id"]) == ("diary", 7, TRACE)
    assert (line["code"], line["group_id"], log["activation_code"], log["group_id"]) == (None,) * 4
    assert (line["total_tokens"], line["success"], line["is_estimated"]) == (50, True, False)
    assert (line["metadata"]["source_type"], line["metadata"]["day"]) == ("internal", "2026-11-20")
    assert line["metadata"]["attempts"][0]["config"] == "main"
    assert (line["posted_by"], line["assistant_replies"], line["conversation_id"]) == ("trigger", 0, None)
    assert (log["response_content"], log["status"]) == ("A quiet day.", "success")
    assert log["request_messages"] == [{"role": "user", "content": "Write."}]
    (row,) = await chat.rows("SELECT token_usage FROM users WHERE id = 7")
    assert row["token_usage"] == 50
    (request,) = upstream.received
    assert request.path == "/v1/chat/completions"
    assert request.json["model"] == "gpt-4o"
    assert request.headers["authorization"] == "Bearer sk-upstream-secret"


async def test_the_ledger_of_internal_calls_verifies(internal_client, chat, upstream, database):
    upstream.reply(said(), Reply(500, body={"error": {"message": "down"}}))
    await internal_client.call(ask())
    with pytest.raises(Upstream):
        await internal_client.call(ask())
    await chat.logs(2)
    report = await verify(database)
    assert (report.differences, report.lines) == ([], 2)
    async with database.write() as session:
        await session.execute(text("DELETE FROM llm_call_logs WHERE status = 'error'"))
    (missing,) = (await verify(database)).differences
    assert missing.what == "llm_call_logs"


async def test_what_is_counted_for_a_conversation_reaches_the_line(internal_client, chat, upstream):
    upstream.reply(said())
    await internal_client.call(ask(source="chat", conversation_id="c-1", assistant_replies=1))
    (line,) = await chat.lines()
    assert (line["source"], line["conversation_id"], line["assistant_replies"]) == ("chat", "c-1", 1)


async def test_pictures_reach_the_provider_and_not_the_log(internal_client, chat, upstream):
    upstream.reply(said("A street."))
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    asked = ask(source="vision", body={"messages": [{"role": "user", "content": parts}]})
    assert (await internal_client.call(asked)).text == "A street."
    assert upstream.received[0].json["messages"][0]["content"] == parts
    (log,) = await chat.logs()
    assert "image/png, 10240 bytes" in str(log["request_messages"])


@pytest.mark.parametrize(
    ("provider", "base", "path", "header"),
    [
        ("openai", "/v1", "/v1/chat/completions", "authorization"),
        ("azure_openai", "", "/openai/v1/chat/completions", "api-key"),
        ("anthropic", "", "/v1/chat/completions", "authorization"),
        ("gemini", "", "/v1beta/openai/chat/completions", "authorization"),
        ("openai_compatible", "/v1", "/v1/chat/completions", "authorization"),
    ],
)
async def test_every_kind_of_provider_is_asked_for_a_chat_completion(
    internal_client, chat, upstream, provider, base, path, header
):
    await chat.add_config("other", upstream.url + base, provider=provider, models=["the-model"])
    upstream.reply(said())
    assert (await internal_client.call(ask(model="other/the-model"))).model == "the-model"
    (request,) = upstream.received
    assert request.path == path
    assert "sk-upstream-secret" in request.headers[header]
    assert request.json["model"] == "the-model"
    (line,) = await chat.lines()
    assert (line["provider"], line["model"], line["total_tokens"]) == (provider, "the-model", 50)


async def test_hidden_thinking_of_gemini_is_counted(internal_client, chat, upstream):
    await chat.add_config("other", upstream.url, provider="gemini", models=["thinker"])
    upstream.reply(said(usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}))
    assert (await internal_client.call(ask(model="thinker"))).usage.completion_tokens == 30
    (line,) = await chat.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["reasoning_tokens"]) == (10, 30, 25)


async def test_another_provider_answers_where_the_first_fails(internal_client, chat, upstream):
    await chat.add_config("second", upstream.url + "/v1", priority=200)
    upstream.reply(Reply(503, body={"error": {"message": "busy"}}), said())
    assert (await internal_client.call(ask())).text == "A quiet day."
    (line,) = await chat.lines()
    assert [attempt["config"] for attempt in line["metadata"]["attempts"]] == ["main", "second"]


async def test_usage_that_is_not_reported_is_counted_and_marked(internal_client, chat, upstream):
    upstream.reply(said(usage=None))
    answer = await internal_client.call(ask())
    (line,) = await chat.lines()
    assert line["is_estimated"]
    assert answer.usage.total_tokens == line["total_tokens"] > 0


async def test_a_persons_budget_is_held_settled_and_refuses_with_words(
    internal_client, chat, budgets, upstream
):
    await budgets.add(1000)
    upstream.reply(said(prompt=500, completion=400))
    await internal_client.call(ask())
    await chat.lines()
    with pytest.raises(Limited) as refused:
        await internal_client.call(ask())
    error = refused.value
    assert (error.code, is_lasting(error)) == ("budget_reached", False)
    assert error.retry_after is not None
    assert error.retry_after > 0
    for words in ("user's daily budget of 1,000 tokens", "900 tokens used", "resets at"):
        assert words in error.message
    assert len(upstream.received) == 1
    logs = await chat.logs(2)
    assert [log["usage_id"] is None for log in logs] == [False, True]
    (period,) = await chat.rows("SELECT used, held FROM budget_periods")
    assert period["used"] == 900


async def test_another_persons_budget_is_not_touched(internal_client, chat, budgets, upstream):
    await add_user(chat.database, 8)
    await budgets.add(1000, subject_id=8)
    upstream.reply(said(prompt=500, completion=600))
    await internal_client.call(ask())
    await internal_client.call(ask())
    await chat.lines(2)
    assert await chat.rows("SELECT * FROM budget_settlements") == []


async def test_a_budget_in_money_needs_a_price(internal_client, budgets, upstream):
    await budgets.add(1, unit="usd")
    upstream.reply(said())
    with pytest.raises(Forbidden) as refused:
        await internal_client.call(ask(model="nobody-knows-the-price-of-this"))
    assert (refused.value.code, is_lasting(refused.value)) == ("price_unknown", True)
    assert upstream.received == []


async def test_the_answers_maximum_under_a_hard_budget_is_the_settings(
    gateway, upstream, database, database_url
):
    await add_user(database)
    await gateway.add_config("main", upstream.url + "/v1")
    await Budgets(gateway.resources, "user", 7).add(100_000)
    settings = Settings(data=gateway.settings.data, answer_tokens=321)
    upstream.reply(said())
    async with open_internal_client(settings, database, database_url) as internal_client:
        await internal_client.call(ask(body={"messages": [{"role": "user", "content": "Write."}]}))
    assert upstream.received[0].json["max_tokens"] == 321


FAILURES = [
    (Reply(401, body={"error": {"message": "bad key sk-upstream-secret"}}), Upstream, "upstream_auth", True),
    (Reply(429, body={"error": {"message": "slow down"}}), Limited, "upstream_limited", False),
    (Reply(500, body={"error": {"message": "oops"}}), Upstream, "upstream_error", False),
    (Reply(400, body={"error": {"message": "too long"}}), Upstream, "upstream_refused", True),
    (Reply(body=b"<html>", content_type="text/html"), Upstream, "upstream_not_json", False),
    (Reply(cut=True), Upstream, "upstream_broken", False),
    (Reply(body={"error": {"message": "overloaded"}}), Upstream, "upstream_error", False),
]


@pytest.mark.parametrize(("reply", "kind", "code", "lasting"), FAILURES, ids=[row[2] for row in FAILURES])
async def test_what_providers_do_wrong_has_a_kind_a_code_and_words(
    internal_client, chat, upstream, reply, kind, code, lasting
):
    upstream.reply(reply)
    with pytest.raises(kind) as failed:
        await internal_client.call(ask())
    assert (failed.value.code, is_lasting(failed.value)) == (code, lasting)
    assert "'main'" in failed.value.message
    assert "sk-upstream-secret" not in failed.value.message
    (line,), (log,) = await chat.lines(), await chat.logs()
    assert (line["success"], log["status"]) == (False, "error")


async def test_a_provider_that_asks_to_wait_says_for_how_long(internal_client, upstream):
    upstream.reply(Reply(429, body={"error": {"message": "slow down"}}, headers={"retry-after": "17"}))
    with pytest.raises(Limited) as failed:
        await internal_client.call(ask())
    assert failed.value.retry_after == 17


async def test_a_provider_that_does_not_answer_in_time(internal_client, chat, upstream):
    await chat.add_config(
        "slow", upstream.url + "/v1", models=["slow"], settings={"retries": 0, "first_byte_timeout": 0.2}
    )
    upstream.reply(Reply(delay=5))
    with pytest.raises(Upstream) as failed:
        await internal_client.call(ask(model="slow/slow"))
    assert failed.value.code == "upstream_timeout"
    (line,) = await chat.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)


async def test_a_provider_that_is_not_there(internal_client, chat):
    await chat.add_config("gone", "http://127.0.0.1:9/v1", models=["gone"])
    with pytest.raises(Upstream) as failed:
        await internal_client.call(ask(model="gone/gone"))
    assert failed.value.code == "upstream_unreachable"


async def test_no_provider_no_model_no_key(gateway, upstream, database, database_url):
    async with open_internal_client(gateway.settings, database, database_url) as internal_client:
        with pytest.raises(Unavailable) as none:
            await internal_client.call(ask(user_id=None))
        assert (none.value.code, is_lasting(none.value)) == ("no_provider", True)
        await gateway.add_config("main", upstream.url + "/v1", models=["one"])
        await read_providers(internal_client._resources)
        with pytest.raises(NotFound) as unknown:
            await internal_client.call(ask(user_id=None, model="two"))
        assert unknown.value.code == "model_not_found"
    logs = await gateway.logs(2)
    assert [log["status"] for log in logs] == ["error", "error"]
    assert await gateway.rows("SELECT * FROM llm_tracker_usage") == []


async def test_a_full_journal_takes_no_calls(chat, upstream, database, database_url):
    settings = Settings(data=chat.settings.data, journal_limit=2**20)
    upstream.reply(said())
    long = ask(user_id=None, body={"messages": [{"role": "user", "content": "x" * 900_000}]})

    async def until_full(internal_client):
        for _ in range(40):
            await internal_client.call(long)

    async with open_internal_client(settings, database, database_url) as internal_client:
        with pytest.raises(Unavailable) as full:
            await until_full(internal_client)
    assert full.value.code == "journal_full"
    assert "cannot write calls down" in full.value.message


async def test_work_that_is_stopped_ends_the_call_and_its_line_says_so(internal_client, chat, upstream):
    upstream.reply(Reply(delay=30))
    task = asyncio.create_task(internal_client.call(ask()))
    while not upstream.received:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(upstream.left.wait(), 2)
    (line,) = await chat.lines()
    assert (line["success"], "stopped" in line["error"]) == (False, True)


def test_what_cannot_be_asked_is_said_at_once():
    with pytest.raises(ValueError, match="stream"):
        ask(body={"messages": [], "stream": True})
    with pytest.raises(ValueError, match="source"):
        ask(source="x" * 33)


async def test_without_its_database_nothing_is_asked_and_the_reason_said(tmp_path, upstream):
    url = "postgresql+asyncpg://nobody@127.0.0.1:9/none"
    database = Database.connect(url)
    async with open_internal_client(Settings(data=tmp_path), database, url) as internal_client:
        for step in (None, (uuid7(), "write")):
            with pytest.raises(Unavailable) as away:
                await internal_client.call(ask(), step=step)
            assert away.value.code == "database_unavailable"
        with pytest.raises(Unavailable):
            await internal_client.choice("diary", None)
    await database.close()
    assert upstream.received == []


async def test_what_was_said_is_not_kept_where_content_is_redacted(gateway, upstream, database, database_url):
    await add_user(database)
    await gateway.add_config("main", upstream.url + "/v1")
    settings = Settings(data=gateway.settings.data, redact="content")
    upstream.reply(said("My secret day."))
    async with open_internal_client(settings, database, database_url) as internal_client:
        assert (await internal_client.call(ask())).text == "My secret day."
        (log,) = await gateway.logs()
    assert "secret" not in str(log["response_data"]) + str(log["response_content"])
    assert "Write." not in str(log["request_messages"])


async def test_the_call_id_is_of_the_time_of_the_call(internal_client, upstream):
    upstream.reply(said())
    first, second = (await internal_client.call(ask())).call_id, (await internal_client.call(ask())).call_id
    assert isinstance(first, UUID)
    assert first < second
    assert first.version == 7


async def test_internal_calls_have_no_share_of_the_limits_per_minute(internal_client, chat, database_url):
    rates = RateKeeper(asyncpg_dsn(database_url), "another gateway")
    await rates.start()
    async with asyncio.timeout(5):
        while len(rates._processes) < 2:
            await asyncio.sleep(0.05)
    owners = await chat.rows("SELECT takes_callers FROM budget_owners")
    assert sorted(owner["takes_callers"] for owner in owners) == [False, True]
    assert len(rates._processes) == 2  # this one and the gateway
    await rates.close()


async def test_money_of_a_call_is_the_ledgers(internal_client, chat, upstream):
    upstream.reply(said(prompt=1_000_000, completion=0))
    await internal_client.call(ask())
    (line,) = await chat.lines()
    assert line["cost"] == Decimal("2.5")
