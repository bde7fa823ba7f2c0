"""Who is asked again and who is not, what is counted under load, and how what breaks off ends."""

import asyncio
import json

import aiohttp
import pytest

from daybook.accounts.codes import new_code
from daybook.db.engine import Database
from daybook.gateway.call import authentication as auth
from daybook.gateway.call.authentication import Codes
from daybook.gateway.errors import Refusal
from support.gateway.upstream import Reply, Upstream, sse

PATH = "/v1/chat/completions"
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ANSWER = {"choices": [{"message": {"content": "ho"}, "finish_reason": "stop"}], "usage": USAGE}


@pytest.fixture
async def second(gateway, upstream):
    """The second provider of two; `upstream` is the first, and has one retry."""
    server = Upstream()
    await server.start()
    server.reply(Reply(body=ANSWER))
    await gateway.add_config("first", upstream.url, priority=1, settings={"retries": 1})
    await gateway.add_config("second", server.url, priority=2)
    yield server
    await server.stop()


@pytest.mark.parametrize(
    ("reply", "status", "first", "other"),
    [
        (Reply(status=400, body={"error": {"message": "no"}}), 400, 1, 0),
        (Reply(status=400, body=b"no", content_type="text/plain"), 400, 1, 0),
        (Reply(status=422, body=b"<p>no", content_type="text/html"), 422, 1, 0),
        (Reply(status=401, body={"error": {"message": "bad key"}}), 200, 1, 1),
        (
            Reply(status=429, body={"error": {"message": "slow down"}}, headers={"retry-after": "0"}),
            200,
            2,
            1,
        ),
        (Reply(status=503, body=b"", content_type="text/plain"), 200, 2, 1),
        (Reply(status=501, body={"error": {"message": "cannot"}}), 200, 1, 1),
        (Reply(body={"error": {"message": "overloaded"}}), 200, 2, 1),
        (Reply(chunks=[b'{"choi'], cut=True), 200, 2, 1),
    ],
)
async def test_who_is_asked_after_a_failure(gateway, upstream, second, reply, status, first, other):
    upstream.reply(reply)
    assert (await gateway.call(PATH, ASK))[0] == status
    assert (len(upstream.received), len(second.received)) == (first, other)
    (line,), (log,) = await gateway.lines(), await gateway.logs()
    attempts = [attempt["config"] for attempt in line["metadata"]["attempts"]]
    assert attempts == ["first"] * first + ["second"] * other
    assert (line["success"], log["status"]) == ((True, "success") if status == 200 else (False, "error"))


async def test_nobody_is_asked_again_for_a_caller_who_has_left(gateway, upstream, second):
    upstream.reply(Reply(status=503, body={"error": {"message": "busy"}}, delay=0.4))
    call = asyncio.create_task(gateway.call(PATH, ASK))
    async with asyncio.timeout(5):
        while not upstream.received:
            await asyncio.sleep(0.01)
    call.cancel()
    (line,) = await gateway.lines()
    assert (line["success"], len(line["metadata"]["attempts"])) == (False, 1)
    assert (len(upstream.received), len(second.received)) == (1, 0)


@pytest.mark.parametrize("wait", ["inf", "nan", "-3", "1e9", "Fri, 31 Dec 1999 23:59:59 GMT", "9" * 400])
async def test_a_time_to_wait_that_makes_no_sense_is_left_out(chat, upstream, wait):
    upstream.reply(Reply(status=429, body=b"slow", content_type="text/plain", headers={"retry-after": wait}))
    async with chat.post(PATH, ASK) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (429, "upstream_refused")
        assert "retry-after" not in response.headers


async def test_sound_that_breaks_off_is_broken_off(chat, upstream):
    upstream.reply(Reply(chunks=[b"ID3 sound"], content_type="audio/mpeg", cut=True))
    async with chat.post("/v1/audio/speech", {"model": "tts", "input": "hello"}) as response:
        assert await response.content.readany() == b"ID3 sound"
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.readany()
    (line,), (log,) = await chat.lines(), await chat.logs()
    assert (line["success"], log["status"]) == (False, "error")
    assert "broke off" in line["error"]


@pytest.mark.parametrize("label", ["text/plain", "application/json", "application/octet-stream"])
async def test_events_that_break_off_end_with_an_event_whatever_they_are_called(chat, upstream, label):
    events = sse({"choices": [{"index": 0, "delta": {"content": "hel"}}]}, done=False)
    upstream.reply(Reply(chunks=events, content_type=label, cut=True))
    async with chat.post(PATH, {**ASK, "stream": True}) as response:
        body = await response.read()
    last = body.rstrip().rpartition(b"\n\ndata: ")[2]
    assert "broke off" in json.loads(last)["error"]["message"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
async def test_a_body_in_another_encoding_is_refused(chat, upstream, encoding):
    status, body = await chat.call(PATH, json.dumps({**ASK, "stream": True}).encode(encoding))
    assert (status, body["error"]["code"]) == (400, "malformed_json")


async def test_a_limit_of_five_lets_five_of_fifty_through(chat, upstream):
    upstream.reply(Reply(body=ANSWER, delay=0.05))
    code = await chat.add_code(requests_per_minute=5)

    async def one() -> tuple[int, str | None]:
        headers = {"authorization": f"Bearer {code}"}
        async with chat.http.post(chat.url + PATH, json=ASK, headers=headers) as response:
            return response.status, response.headers.get("retry-after")

    answers = await asyncio.gather(*(one() for _ in range(50)))
    assert sorted(status for status, _ in answers) == [200] * 5 + [429] * 45
    assert all(50 < int(wait) <= 62 for status, wait in answers if status == 429)
    assert len(await chat.lines(5)) == 5
    assert len(await chat.logs(50)) == 50


async def test_a_slow_provider_is_asked_once_for_its_models_however_many_ask(gateway, upstream):
    await gateway.add_config("main", upstream.url)
    upstream.reply(Reply(body={"data": [{"id": "m"}]}, delay=0.3))

    async def one() -> list[str]:
        async with gateway.http.get(gateway.url + "/v1/models", headers=gateway.headers()) as response:
            return [model["id"] for model in (await response.json())["data"]]

    assert await asyncio.gather(*(one() for _ in range(20))) == [["m"]] * 20
    assert len(upstream.received) == 1


async def test_a_database_that_does_not_answer_is_503_in_time(monkeypatch):
    monkeypatch.setattr(auth, "_PATIENCE", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    database = Database.connect(f"postgresql://x@127.0.0.1:{silent.sockets[0].getsockname()[1]}/x")
    with pytest.raises(Refusal) as refused:
        await asyncio.wait_for(Codes(database).grant(new_code()[0]), 2)
    assert (refused.value.status, refused.value.code) == (503, "database_unavailable")
    for task in asyncio.all_tasks():
        if task.get_name() == "code":
            task.cancel()
    silent.close()
    await database.close()
