"""`Idempotency-Key`: the first answer again, counted once."""

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio

from daybook.settings import Settings
from support.gateway.served import serving
from support.gateway.upstream import Reply, sse

PATH = "/v1/chat/completions"
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def answer(text="ho"):
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}


async def test_a_repeat_gets_the_first_answer_and_is_counted_once(chat, upstream):
    upstream.reply(Reply(body=answer("first")), Reply(body=answer("second")))
    first = await chat.call(PATH, ASK, idempotency_key="k1")
    async with chat.post(PATH, ASK, idempotency_key="k1") as response:
        assert (response.status, await response.json()) == first
        assert response.headers["x-daybook-replay-of"] == str((await chat.lines())[0]["id"])
    assert (await chat.call(PATH, ASK, idempotency_key="k2"))[1] == answer("second")
    assert len(await chat.lines(2)) == 2
    assert len(upstream.received) == 2
    assert len(await chat.logs(3)) == 3


async def test_a_repeat_of_a_stream_gets_the_same_bytes(chat, upstream):
    chunks = sse({"choices": [{"index": 0, "delta": {"content": "ho"}, "finish_reason": "stop"}]})
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream"))
    bodies = []
    for _ in range(2):
        async with chat.post(PATH, {**ASK, "stream": True}, idempotency_key="k") as response:
            assert response.content_type == "text/event-stream"
            bodies.append(await response.read())
    assert bodies == [b"".join(chunks)] * 2
    assert len(upstream.received) == 1


async def test_concurrent_repeats_wait_for_the_first(chat, upstream):
    upstream.reply(Reply(body=answer(), delay=0.3))
    got = await asyncio.gather(*(chat.call(PATH, ASK, idempotency_key="k") for _ in range(5)))
    assert got == [(200, answer())] * 5
    assert len(upstream.received) == 1
    assert len(await chat.lines()) == 1


async def test_the_same_key_with_another_body_is_422(chat, upstream):
    upstream.reply(Reply(body=answer()))
    await chat.call(PATH, ASK, idempotency_key="k")
    status, body = await chat.call(PATH, {**ASK, "n": 2}, idempotency_key="k")
    assert (status, body["error"]["code"]) == (422, "idempotency_mismatch")


async def test_the_same_key_of_another_code_is_another_key(chat, upstream):
    upstream.reply(Reply(body=answer("one")), Reply(body=answer("two")))
    await chat.call(PATH, ASK, idempotency_key="k")
    other = replace(chat, code=await chat.add_code())
    assert (await other.call(PATH, ASK, idempotency_key="k"))[1] == answer("two")


async def test_what_failed_is_run_again(chat, upstream):
    upstream.reply(Reply(status=500, body={"error": {"message": "oops"}}), Reply(body=answer()))
    assert (await chat.call(PATH, ASK, idempotency_key="k"))[0] == 502
    assert await chat.call(PATH, ASK, idempotency_key="k") == (200, answer())
    assert [line["success"] for line in await chat.lines(2)] == [False, True]


@pytest_asyncio.fixture
async def discreet(database, database_url, tmp_path, upstream):
    settings = Settings(data=tmp_path, redact="content")
    async with serving(settings, database, database_url) as gateway:
        await gateway.add_config("main", upstream.url + "/v1")
        yield gateway


async def test_where_content_is_not_kept_keys_are_refused_with_the_reason(discreet, upstream):
    upstream.reply(Reply(body=answer()))
    status, body = await discreet.call(PATH, ASK, idempotency_key="k")
    assert (status, body["error"]["code"]) == (400, "idempotency_refused")
    assert "DAYBOOK_REDACT" in body["error"]["message"]


@pytest.mark.parametrize("reported", [True, False])
async def test_where_content_is_not_kept_only_numbers_are(discreet, upstream, reported):
    said = answer("the answer is forty-two")
    upstream.reply(Reply(body=said if reported else {**said, "usage": None}))
    ask = {"model": "gpt-4o", "messages": [{"role": "user", "content": "my secret question"}]}
    assert (await discreet.call(PATH, ask))[0] == 200
    (line,), (log,) = await discreet.lines(), await discreet.logs()
    assert line["is_estimated"] is not reported
    assert line["total_tokens"] >= 5
    assert "secret question" not in str([line, log])
    assert "forty-two" not in str([line, log])
    kept = b"".join(path.read_bytes() for path in (discreet.settings.data / "journal").rglob("*.journal"))
    assert b"secret question" not in kept
    assert b"forty-two" not in kept
