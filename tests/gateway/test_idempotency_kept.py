"""A success is counted once under its key, whoever was away when its answer was to be kept."""

import pytest

from daybook.ledger.idempotency import IdempotencyStore
from support.gateway.upstream import Reply, sse

PATH = "/v1/chat/completions"
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
CHOICE = {"index": 0, "delta": {"content": "ho"}, "finish_reason": "stop"}


@pytest.fixture
def away(monkeypatch):
    """The database is away whenever an answer is to be kept."""

    async def finish(*_, **__):
        raise ConnectionRefusedError

    monkeypatch.setattr(IdempotencyStore, "finish", finish)


async def test_an_answer_that_could_not_be_kept_is_kept_with_its_line(chat, upstream, away):
    answer = {"choices": [{"message": {"content": "first"}, "finish_reason": "stop"}], "usage": USAGE}
    upstream.reply(Reply(body=answer))
    assert await chat.call(PATH, ASK, idempotency_key="k") == (200, answer)
    await chat.lines()
    async with chat.post(PATH, ASK, idempotency_key="k") as response:
        assert (response.status, await response.json()) == (200, answer)
        assert response.headers["x-daybook-replay-of"] == str((await chat.lines())[0]["id"])
    assert len(upstream.received) == 1


async def test_so_is_a_stream_as_its_caller_saw_it(chat, upstream, away):
    """Without the usage that the gateway had asked for."""
    events = sse({"choices": [CHOICE]}, {"choices": [], "usage": USAGE})
    upstream.reply(Reply(chunks=events, content_type="text/event-stream"))
    bodies = []
    for _ in range(2):
        async with chat.post(PATH, {**ASK, "stream": True}, idempotency_key="k") as response:
            bodies.append(await response.read())
        await chat.lines()
    assert bodies == [events[0] + events[2]] * 2
    assert len(upstream.received) == 1
    assert len(await chat.lines()) == 1


async def test_a_failure_is_not_kept(chat, upstream, away):
    answer = {"choices": [{"message": {"content": "second"}, "finish_reason": "stop"}], "usage": USAGE}
    upstream.reply(Reply(status=500, body={"error": {"message": "oops"}}), Reply(body=answer))
    assert (await chat.call(PATH, ASK, idempotency_key="k"))[0] == 502
    await chat.lines()
    assert await chat.call(PATH, ASK, idempotency_key="k") == (200, answer)
