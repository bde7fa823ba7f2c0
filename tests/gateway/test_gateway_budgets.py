"""Budgets at the gateway: what would pass one is refused before it is sent, and the ledger say what was used and
held."""

import asyncio

import pytest

from support.gateway.known import Budgets
from support.gateway.upstream import Reply, sse

PATH = "/v1/chat/completions"


def ask(tokens=50):
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": tokens}


def answer(prompt=20, completion=30):
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {
        "model": "gpt-4o",
        "choices": [{"message": {"content": "ho"}, "finish_reason": "stop"}],
        "usage": usage,
    }


@pytest.fixture
def budgets(gateway):
    """Those of the gateway's group."""
    return Budgets(gateway.resources, "group", 1)


async def test_a_hard_budget_refuses_what_it_has_no_room_for(chat, budgets, upstream):
    limit = await budgets.add(1000)
    upstream.reply(Reply(body=answer(500, 400)))
    assert (await chat.call(PATH, ask()))[0] == 200
    await budgets.settled(limit, 900)
    async with chat.post(PATH, ask()) as response:
        body = await response.json()
        assert (response.status, body["error"]["code"]) == (429, "budget_reached")
        assert int(response.headers["retry-after"]) > 0
    assert "1,000 tokens" in body["error"]["message"]
    assert len(upstream.received) == 1
    assert len(await chat.lines()) == 1
    assert len(await chat.logs(2)) == 2


async def test_many_at_once_never_pass_a_hard_budget(chat, budgets, upstream):
    limit = await budgets.add(2000)
    upstream.reply(Reply(body=answer(), delay=0.05))
    statuses = [status for status, _ in await asyncio.gather(*(chat.call(PATH, ask(50)) for _ in range(60)))]
    assert set(statuses) == {200, 429}
    await chat.lines(statuses.count(200))
    await budgets.settled(limit, 50 * statuses.count(200))
    assert 50 * statuses.count(200) <= 2000


async def test_what_is_counted_here_is_no_more_than_the_call_held(chat, budgets, upstream):
    wordy = answer()
    wordy["choices"][0]["message"]["content"] = "hello " * 400
    del wordy["usage"]
    upstream.reply(Reply(body=wordy))
    assert (await chat.call(PATH, ask(50)))[0] == 200
    limit = await budgets.add(2000)
    assert (await chat.call(PATH, ask(50)))[0] == 200
    free, held = await chat.lines(2)
    assert (free["is_estimated"], held["is_estimated"]) == (True, True)
    assert free["completion_tokens"] > 300
    assert held["completion_tokens"] == 50
    assert held["total_tokens"] == held["prompt_tokens"] + 50
    await budgets.settled(limit, held["total_tokens"])
    (row,) = await chat.rows("SELECT overrun FROM budget_periods")
    assert row["overrun"] == 0


async def test_the_answer_of_a_request_without_a_maximum_is_bounded(chat, budgets, upstream):
    await budgets.add(100_000)
    upstream.reply(Reply(body=answer()))
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    assert (await chat.call(PATH, request))[0] == 200
    sent = upstream.received[0].json
    assert sent["max_tokens"] > 0
    assert {**sent, "max_tokens": None} == {**request, "max_tokens": None}


async def test_a_hard_budget_in_money_wants_to_know_the_price(chat, budgets, upstream):
    await budgets.add(1, unit="usd")
    upstream.reply(Reply(body=answer()))
    status, body = await chat.call(PATH, {**ask(), "model": "nobody-knows"})
    assert (status, body["error"]["code"]) == (403, "price_unknown")
    assert upstream.received == []


async def test_a_soft_budget_warns_and_lets_pass(chat, budgets, upstream):
    limit = await budgets.add(40, hard=False)
    upstream.reply(Reply(body=answer()))
    assert (await chat.call(PATH, ask()))[0] == 200
    await budgets.settled(limit, 50)
    await budgets.noticed(limit, 50)
    async with chat.post(PATH, ask()) as response:
        assert response.status == 200
        assert "40 tokens" in response.headers["x-daybook-budget-warning"]


@pytest.mark.parametrize("reply", [Reply(status=400, body={"error": {"message": "no"}}), Reply(cut=True)])
async def test_a_call_that_fails_gives_back_what_it_held(chat, budgets, upstream, reply):
    await budgets.add(500)
    upstream.reply(reply)
    for _ in range(8):
        assert (await chat.call(PATH, ask(60)))[0] in {400, 502}
        await asyncio.sleep(0.2)  # what nobody knows yet stays held until the call is in the ledger
    assert len(await chat.lines(8)) == 8


async def test_a_stream_that_its_caller_leaves_is_settled(chat, budgets, upstream):
    limit = await budgets.add(100_000)
    chunks = sse(*[{"choices": [{"index": 0, "delta": {"content": "word "}}]} for _ in range(100)])
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream", pause=0.02))
    async with chat.post(PATH, {**ask(), "stream": True}) as response:
        await response.content.readany()
    (line,) = await chat.lines()
    await budgets.settled(limit, line["total_tokens"])


async def test_a_name_that_comes_twice_is_sent_once(chat, budgets, upstream):
    await budgets.add(100_000)
    upstream.reply(Reply(body=answer()))
    code = await chat.add_code(models=["gpt-4o"])
    twice = b'{"model": "dear", "max_tokens": 90000, "messages": [], "model": "gpt-4o", "max_tokens": 5}'
    headers = {"authorization": f"Bearer {code}", "content-type": "application/json"}
    async with chat.http.post(chat.url + PATH, data=twice, headers=headers) as response:
        assert response.status == 200
    assert upstream.received[0].body == b'{"model":"gpt-4o","max_tokens":5,"messages":[]}'


async def test_a_try_that_failed_and_took_what_was_held_is_the_last(gateway, budgets, upstream):
    for name in ("first", "second"):
        await gateway.add_config(name, upstream.url + "/v1", settings={"retries": 2})
    limit = await budgets.add(270)
    failed = {"error": {"message": "overloaded"}, "usage": {"prompt_tokens": 90, "completion_tokens": 50}}
    upstream.reply(Reply(body=failed))
    status, _ = await gateway.call(PATH, {**ask(50), "stream": False})
    assert status == 502
    assert len(upstream.received) == 1
    (line,) = await gateway.lines()
    assert line["total_tokens"] == 140
    await budgets.settled(limit, 140)
