"""The gateway's listener, byte by byte: what callers and proxies do with HTTP itself."""

import asyncio
import gc
import json

import pytest

from daybook.web import protocol
from support.gateway.upstream import Reply, sse
from support.gateway.wire import request, wire

PATH = "/v1/chat/completions"
ASK = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
STREAM = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
ANSWER = {
    "choices": [{"index": 0, "message": {"content": "ho"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
EVENTS = sse({"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]})


@pytest.fixture
def code(chat, upstream):
    upstream.reply(Reply(body=ANSWER))
    return chat.code


async def test_pipelined_requests_are_answered_in_their_order(chat, code, upstream):
    upstream.reply(Reply(body={**ANSWER, "n": 1}, delay=0.2), Reply(body={**ANSWER, "n": 2}))
    async with wire(chat.url) as caller:
        await caller.send(
            request("POST", PATH, code, ASK)
            + request("GET", "/v1/models", code)
            + request("POST", PATH, code, ASK)
        )
        assert json.loads((await caller.answer()).body)["n"] == 1
        assert json.loads((await caller.answer()).body)["object"] == "list"
        assert json.loads((await caller.answer()).body)["n"] == 2
    assert len(await chat.lines(2)) == 2


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (request("POST", PATH, "", ASK * 5000), 401),
        (request("POST", PATH, "daybook_" + "0" * 32, ASK * 5000), 401),
        (request("PUT", PATH, "CODE", ASK * 5000), 405),
        (request("POST", "/v1/nothing", "CODE", ASK * 5000), 404),
        (request("GET", "/v1/models", "CODE", ASK * 5000), 200),
        (request("POST", PATH, "CODE", b"[" * 100), 400),
        (
            request("POST", PATH, "", None, content_length="300000", expect="100-continue") + b" " * 300000,
            401,
        ),
    ],
)
async def test_the_connection_goes_on_after_a_refusal(chat, code, refused, status):
    async with wire(chat.url) as caller:
        await caller.send(refused.replace(b"CODE", code.encode()))
        assert (await caller.answer()).status == status
        await caller.send(request("POST", PATH, code, ASK))
        answer = await caller.answer()
        assert (answer.status, json.loads(answer.body)) == (200, ANSWER)


async def test_a_body_that_is_too_large_is_refused_before_it_was_sent_and_the_refusal_arrives(chat, code):
    head = request("POST", PATH, code, None, content_length=str(50 * 2**20), content_type="application/json")
    async with wire(chat.url) as caller:
        await caller.send(head)
        for _ in range(40):  # a caller that looks for an answer only when everything is sent
            caller.writer.write(b" " * 2**16)
            await asyncio.sleep(0.005)
        answer = await caller.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert await caller.closed()


async def test_what_follows_a_refused_body_is_not_taken_for_a_request(chat, code):
    async with wire(chat.url) as caller:
        size = 2 * 2**20 + 1
        await caller.send(request("POST", PATH, code, None, content_length=str(size)))
        assert (await caller.answer()).status == 413
        await caller.send(b" " * size + request("POST", PATH, code, ASK))
        assert await caller.closed()
    await asyncio.sleep(0.1)
    assert [log["status"] for log in await chat.logs()] == ["error"]


async def test_a_body_that_waits_for_leave_gets_it(chat, code):
    async with wire(chat.url) as caller:
        head, _, body = request("POST", PATH, code, ASK, expect="100-continue").partition(b"\r\n\r\n")
        await caller.send(head + b"\r\n\r\n")
        assert (await caller.answer()).status == 100
        await caller.send(body)
        assert (await caller.answer()).status == 200


async def test_a_chunked_body_is_read_and_its_trailers_are_not_headers(chat, code):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (ASK[:10], ASK[10:]))
    head = "host: x\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n"
    sent = f"POST {PATH} HTTP/1.1\r\n{head}".encode()
    async with wire(chat.url) as caller:
        await caller.send(sent + b"authorization: Bearer %s\r\n\r\n%s0\r\n\r\n" % (code.encode(), chunks))
        assert (await caller.answer()).status == 200
        await caller.send(sent + b"\r\n%s0\r\nauthorization: Bearer %s\r\n\r\n" % (chunks, code.encode()))
        assert (await caller.answer()).status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/v1/%63hat/completions",
        "/%76%31/chat/completions",
        "http://somewhere/v1/chat/completions",
        "/v1/chat/completions?x=1#y",
    ],
)
async def test_a_path_is_the_same_however_it_is_spelled(chat, code, path):
    async with wire(chat.url) as caller:
        await caller.send(request("POST", path, code, ASK))
        answer = await caller.answer()
        assert (answer.status, answer.body) == (200, json.dumps(ANSWER).encode())
    (log,) = await chat.logs()
    assert log["api"] == "chat.completions"


async def test_a_caller_who_leaves_is_noticed_however_the_path_was_spelled(chat, code, upstream):
    chunks = sse(*[{"choices": [{"delta": {"content": "word "}}]}] * 200)
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream", pause=0.02))
    async with wire(chat.url) as caller:
        await caller.send(request("POST", "http://gateway/%76%31/chat/completions", code, STREAM))
        await caller.reader.readuntil(b"word")
    await asyncio.wait_for(upstream.left.wait(), 3)


async def test_a_caller_who_leaves_is_noticed_although_they_had_asked_for_more(chat, code, upstream):
    chunks = sse(*[{"choices": [{"delta": {"content": "word "}}]}] * 200)
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream", pause=0.02))
    async with wire(chat.url) as caller:
        await caller.send(request("POST", PATH, code, STREAM) + request("POST", PATH, code, ASK))
        await caller.reader.readuntil(b"word")
    await asyncio.wait_for(upstream.left.wait(), 3)
    (line,) = await chat.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)
    assert len(upstream.received) == 1


@pytest.mark.parametrize("path", ["/v1/models/a%2Fb", "/v1/models/a/b"])
async def test_a_model_with_a_slash_is_found(gateway, upstream, path):
    await gateway.add_config("main", upstream.url, models=["a/b"])
    async with wire(gateway.url) as caller:
        await caller.send(request("GET", path, gateway.code))
        answer = await caller.answer()
        assert (answer.status, json.loads(answer.body)["id"]) == (200, "a/b")


@pytest.mark.parametrize(
    "path", ["/v1/%00%0d%0ax-evil: 1", "/v1/%ff%fe", "/v1/%F0%9F%98%80", "/v1/%zz", "/v1/../api"]
)
async def test_odd_paths_lead_nowhere_and_break_nothing(chat, code, path):
    async with wire(chat.url) as caller:
        await caller.send(request("GET", path.replace(" ", "%20"), code))
        answer = await caller.answer()
        assert answer.status == 404
        assert "x-evil" not in answer.headers
        assert json.loads(answer.body)["error"]["code"] == "unknown_path"
        await caller.send(request("POST", PATH, code, ASK))
        assert (await caller.answer()).status == 200


async def test_an_answer_to_head_has_no_body(chat, code):
    async with wire(chat.url) as caller:
        await caller.send(request("HEAD", "/v1/models", code))
        answer = await caller.answer(to_head=True)
        assert answer.status == 405
        await caller.send(request("POST", PATH, code, ASK))
        assert (await caller.answer()).status == 200


async def test_http_1_0_gets_whole_answers_and_streams_without_chunks(chat, code, upstream):
    async with wire(chat.url) as caller:
        await caller.send(request("POST", PATH, code, ASK).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert json.loads((await caller.answer()).body) == ANSWER
        assert await caller.closed()
    upstream.reply(Reply(chunks=EVENTS, content_type="text/event-stream"))
    async with wire(chat.url) as caller:
        await caller.send(request("POST", PATH, code, STREAM).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await caller.answer()
        assert "transfer-encoding" not in answer.headers
        assert answer.body == b"".join(EVENTS)
    assert [line["success"] for line in await chat.lines(2)] == [True, True]


@pytest.mark.parametrize(
    "attack",
    [
        b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"content-length: +3\r\n\r\nabc",
        b"x: a\rb\r\n\r\n",
        b"x: a\0b\r\n\r\n",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused(chat, code, attack):
    smuggled = request("POST", PATH, code, ASK)
    async with wire(chat.url) as caller:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {code}\r\n".encode()
        await caller.send(head + attack + smuggled)
        assert (await caller.answer()).status == 400
        assert await caller.closed()
    await asyncio.sleep(0.1)
    assert await chat.rows("SELECT 1 FROM llm_tracker_usage") == []


@pytest.mark.parametrize("part", [b"x: " + b"y" * 2**14 + b"\r\n", b"y" * 2**16])
async def test_a_head_without_end_is_refused(chat, part):
    async with wire(chat.url) as caller:
        await caller.send(b"POST /v1/chat/completions HTTP/1.1\r\n")
        try:
            for _ in range(400):
                await caller.send(part)
                await asyncio.sleep(0)
        except ConnectionError:
            return  # it was closed while we wrote
        assert (await caller.answer()).status == 431
        assert await caller.closed()


async def test_a_head_that_does_not_come_is_not_waited_for(chat, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with wire(chat.url) as caller:
        await caller.send(b"POST /v1/chat/completions HTTP/1.1\r\n")
        for letter in b"x-slow":
            await caller.send(bytes([letter]))
            await asyncio.sleep(0.01)
        assert await caller.closed()


async def test_a_body_that_stops_coming_is_refused_and_logged(chat, code, monkeypatch):
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.2)
    async with wire(chat.url) as caller:
        await caller.send(request("POST", PATH, code, ASK)[:-5])
        answer = await caller.answer()
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (408, "request_timeout")
        assert await caller.closed()
    (log,) = await chat.logs()
    assert log["status"] == "error"


async def test_a_caller_who_never_reads_is_given_up(chat, upstream, monkeypatch):
    monkeypatch.setattr(protocol, "STALLED_SECONDS", 0.3)
    event = b'data: {"choices":[{"delta":{"content":"' + b"x" * 2**16 + b'"}}]}\n\n'
    upstream.reply(Reply(chunks=[event] * 1000, content_type="text/event-stream"))
    async with wire(chat.url) as caller:
        await caller.send(request("POST", PATH, chat.code, STREAM))
        caller.writer.transport.pause_reading()
        await asyncio.wait_for(upstream.left.wait(), 3)
        (line,) = await chat.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)


async def test_garbage_in_the_midst_of_an_answer_is_not_answered_in_it(chat, upstream):
    chunks = sse(*[{"choices": [{"delta": {"content": "word "}}]}] * 20)
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream", pause=0.02))
    async with wire(chat.url) as caller:
        await caller.send(request("POST", PATH, chat.code, STREAM) + b"garbage\r\n\r\n")
        seen = b""
        try:
            while piece := await caller.reader.read(2**16):
                seen += piece
        except ConnectionError:
            pass
    assert seen.count(b"HTTP/1.1") <= 1
    assert b"[DONE]" not in seen
    (log,) = await chat.logs()
    assert log["status"] == "error"


async def test_an_upgrade_is_not_made_and_the_request_is_answered(chat, code):
    headers = {
        "connection": "Upgrade, HTTP2-Settings",
        "upgrade": "h2c",
        "http2_settings": "AAMAAABkAAQCAAAA",
    }
    async with wire(chat.url) as caller:
        for _ in range(2):
            await caller.send(request("POST", PATH, code, ASK, **headers))
            assert (await caller.answer()).status == 200


async def test_a_header_that_comes_twice_counts_once(chat, code):
    async with wire(chat.url) as caller:
        sent = request("POST", PATH, code, ASK).replace(b"\r\n", b"\r\nauthorization: Bearer nonsense\r\n", 1)
        await caller.send(sent)
        assert (await caller.answer()).status == 200


async def test_a_caller_who_does_not_read_slows_the_provider_down(chat, upstream):
    event = b'data: {"choices":[{"delta":{"content":"' + b"x" * 2**16 + b'"}}]}\n\n'
    upstream.reply(Reply(chunks=[event] * 1000, content_type="text/event-stream"))
    async with wire(chat.url) as caller:
        await caller.send(request("POST", PATH, chat.code, STREAM))
        await caller.reader.readuntil(b"data")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(upstream.left.wait(), 1)
    await asyncio.wait_for(upstream.left.wait(), 3)
    (line,) = await chat.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)
    assert line["completion_tokens"] < 1000 * 2**13


async def test_a_connection_that_ended_is_freed_without_the_garbage_collector(chat, code):
    gc.collect()
    gc.disable()
    try:
        before = connections()
        for body in [ASK, STREAM] * 5:
            async with wire(chat.url) as caller:
                await caller.send(request("POST", PATH, code, body))
                await caller.answer()
        async with asyncio.timeout(5):
            while connections() > before:
                await asyncio.sleep(0.05)
    finally:
        gc.enable()


def connections() -> int:
    """How many connections and requests on them are in memory, used or not."""
    return sum(type(one) in (protocol.GatewayProtocol, protocol.GatewayCycle) for one in gc.get_objects())
