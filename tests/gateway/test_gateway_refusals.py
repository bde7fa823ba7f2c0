"""Bad input, bad providers, callers that leave: what each is told, and what stands in the ledger."""

import asyncio
import io
import json
import logging

import pytest

from daybook.gateway.apis.table import route_of
from daybook.gateway.exchange import Exchange
from support.gateway.upstream import Reply, sse
from support.polling import eventually

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {"choices": [{"message": {"content": "ho"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
PATH = "/v1/chat/completions"


def delta(text, finish=None):
    return {"model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_code"),
        ({"authorization": "Bearer sk-something"}, "invalid_code"),
        ({"authorization": "Basic dXNlcg=="}, "missing_code"),
        ({"x-api-key": "daybook_" + "0" * 32}, "invalid_code"),
    ],
)
async def test_without_a_good_code_nothing_is_let_in_or_written(chat, upstream, headers, code):
    upstream.reply(Reply(body=ANSWER))
    async with chat.http.post(chat.url + PATH, json=ASK, headers=headers) as response:
        assert response.status == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert (await response.json())["error"]["code"] == code
    assert upstream.received == []
    assert await chat.rows("SELECT 1 FROM llm_call_logs") == []


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"expires_at": "now() - interval '1 second'"}, "expired_code"),
        ({"revoked_at": "now()"}, "revoked_code"),
    ],
)
async def test_expired_and_revoked_codes_say_so(chat, columns, code):
    secret = await chat.add_code()
    assignments = ", ".join(f"{name} = {value}" for name, value in columns.items())
    async with chat.database.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE activation_codes SET {assignments} WHERE id = 2")
    async with chat.http.post(chat.url + PATH, json=ASK, headers={"x-api-key": secret}) as response:
        assert response.status == 401
        assert (await response.json())["error"]["code"] == code


async def test_a_revocation_is_felt_within_two_seconds(chat, upstream):
    upstream.reply(Reply(body=ANSWER))
    assert (await chat.call(PATH, ASK))[0] == 200
    async with chat.database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE activation_codes SET revoked_at = now()")

    async def is_refused():
        return (await chat.call(PATH, ASK))[0] == 401

    await eventually(is_refused, within=2)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b'{"model": "gpt-4o", "messages": [', {}, 400, "malformed_json"),
        (b"[1, 2]", {}, 400, "malformed_json"),
        (b"", {}, 400, "empty_body"),
        (b'{"messages": []}', {}, 400, "missing_model"),
        (b'{"model": 7}', {}, 400, "missing_model"),
        (b'{"model": "m", "x": NaN}', {}, 400, "malformed_json"),
        (b"\xff\xfe{}", {}, 400, "malformed_json"),
        (b"[" * 100_000, {}, 400, "malformed_json"),
        (b"model=gpt-4o", {"content_type": "application/x-www-form-urlencoded"}, 415, "wrong_content_type"),
        (b"\x1f\x8b", {"content_encoding": "gzip"}, 415, "wrong_content_encoding"),
        (b"{" + b" " * 2**21 + b"}", {}, 413, "request_too_large"),
        (b'{"model": "m", "background": true}', {}, 400, "not_metered"),
        (b'{"model": "m"}', {"x_daybook_metadata": "no json"}, 400, "bad_metadata"),
    ],
)
async def test_what_cannot_be_read_is_explained_and_logged(chat, upstream, body, headers, status, code):
    sent = {"content-type": "application/json", **chat.headers(**headers)}
    async with chat.http.post(chat.url + PATH, data=io.BytesIO(body), headers=sent) as response:
        answer = json.loads(await response.read())
        assert (response.status, answer["error"]["code"]) == (status, code)
    assert upstream.received == []
    (log,) = await chat.logs()
    assert log["status"] == "error"
    assert log["error_message"].startswith(code)
    assert await chat.rows("SELECT 1 FROM llm_tracker_usage") == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/nothing", 404, "unknown_path"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("POST", "/v1/batches", 400, "not_metered"),
        ("POST", "/v1/files", 400, "not_metered"),
        ("POST", "/v1/fine_tuning/jobs", 400, "not_metered"),
    ],
)
async def test_paths_that_lead_nowhere(chat, method, path, status, code):
    async with chat.http.request(method, chat.url + path, headers=chat.headers()) as response:
        assert response.status == status
        assert (await response.json())["error"]["code"] == code
    assert [log["status"] for log in await chat.logs()] == ["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", PATH, "POST"), ("DELETE", "/v1/models", "GET"), ("GET", "/v1beta/models/m:countTokens", "POST")],
)
async def test_a_wrong_method_is_told_the_right_one(chat, method, path, allowed):
    async with chat.http.request(method, chat.url + path, headers=chat.headers()) as response:
        assert (response.status, response.headers["allow"]) == (405, allowed)


async def test_each_family_gets_errors_in_its_own_shape(chat):
    status, body = await chat.call(
        "/v1/messages", {"model": "m"}, anthropic_version="2023-06-01", content_type="text/x"
    )
    assert (status, body["type"], body["error"]["type"]) == (415, "error", "invalid_request_error")
    status, body = await chat.call("/v1beta/models/none:generateContent", {})
    assert (status, body["error"]["code"], body["error"]["status"]) == (404, 404, "NOT_FOUND")


async def test_without_any_provider_it_is_503(gateway):
    status, body = await gateway.call(PATH, ASK)
    assert (status, body["error"]["code"]) == (503, "no_provider")
    assert "daybook config set" in body["error"]["message"]
    assert [log["status"] for log in await gateway.logs()] == ["error"]


async def test_a_model_that_nobody_has_is_404(gateway, upstream):
    await gateway.add_config("main", upstream.url, models=["gpt-4o"])
    status, body = await gateway.call(PATH, {**ASK, "model": "x" * 10_000})
    assert (status, body["error"]["code"], body["error"]["param"]) == (404, "model_not_found", "model")
    assert len((await gateway.logs())[0]["model"]) == 128


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(body=b"<html><h1>Bad gateway", content_type="text/html"), 502, "upstream_not_json"),
        (Reply(body=b'{"choices": [', content_type="application/json"), 502, "upstream_not_json"),
        (Reply(body={"error": {"message": "out of credits"}}), 502, "upstream_error"),
        (Reply(status=500, body={"error": {"message": "oops"}}), 502, "upstream_error"),
        (Reply(status=503, body=b"<html>busy", content_type="text/html"), 502, "upstream_error"),
        (Reply(status=401, body={"error": {"message": "bad key sk-upstream-secret"}}), 502, "upstream_auth"),
        (Reply(status=302, headers={"location": "http://elsewhere"}), 502, "upstream_redirect"),
        (Reply(status=400, body=b"no", content_type="text/plain"), 400, "upstream_refused"),
        (Reply(cut=True), 502, "upstream_broken"),
        (Reply(chunks=[b'{"choices"'], cut=True), 502, "upstream_broken"),
    ],
)
async def test_a_provider_that_fails_is_named_and_recorded(chat, upstream, reply, status, code):
    upstream.reply(reply)
    got, body = await chat.call(PATH, ASK)
    assert (got, body["error"]["code"]) == (status, code)
    assert "'main'" in body["error"]["message"]
    (line,), (log,) = await chat.lines(), await chat.logs()
    assert (line["success"], log["status"]) == (False, "error")
    assert line["error"]
    assert "sk-upstream-secret" not in json.dumps([line, log, body], default=str)


async def test_a_providers_own_refusal_passes_unchanged(chat, upstream):
    refusal = {
        "error": {
            "message": "max_tokens is too large",
            "type": "invalid_request_error",
            "param": "max_tokens",
        }
    }
    upstream.reply(Reply(status=400, body=refusal))
    assert await chat.call(PATH, ASK) == (400, refusal)
    (line,) = await chat.lines()
    assert (line["success"], line["total_tokens"], line["is_estimated"]) == (False, 0, False)
    assert "max_tokens is too large" in line["error"]


async def test_a_providers_429_passes_with_its_retry_after(chat, upstream):
    upstream.reply(Reply(status=429, body={"error": {"message": "slow down"}}, headers={"retry-after": "7"}))
    async with chat.post(PATH, ASK) as response:
        assert (response.status, response.headers["retry-after"]) == (429, "7")


async def test_a_provider_that_cannot_be_reached_is_502(gateway):
    await gateway.add_config("main", "http://127.0.0.1:9/v1")
    status, body = await gateway.call(PATH, ASK)
    assert (status, body["error"]["code"]) == (502, "upstream_unreachable")
    (line,) = await gateway.lines()
    assert (line["success"], line["total_tokens"]) == (False, 0)


async def test_a_provider_that_never_begins_is_504_and_its_prompt_is_counted(gateway, upstream):
    settings = {"retries": 2, "first_byte_timeout": 0.3}
    await gateway.add_config("main", upstream.url + "/v1", settings=settings)
    upstream.reply(Reply(body=ANSWER, delay=3))
    status, body = await gateway.call(PATH, ASK)
    assert (status, body["error"]["code"]) == (504, "upstream_timeout")
    assert len(upstream.received) == 1
    (line,) = await gateway.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)
    assert line["prompt_tokens"] > 0


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(chunks=sse(delta("hel"), done=False), cut=True), "broke off"),
        (Reply(chunks=sse(delta("hel"), done=False)), "before it was complete"),
        (Reply(chunks=sse(delta("hel"), done=False), stall=True), "silent"),
    ],
)
async def test_a_stream_that_breaks_ends_with_an_error_and_its_tokens_are_counted(
    gateway, upstream, reply, words
):
    await gateway.add_config("main", upstream.url + "/v1", settings={"retries": 0, "idle_timeout": 0.3})
    reply.content_type = "text/event-stream"
    upstream.reply(reply)
    async with gateway.post(PATH, {**ASK, "stream": True}) as response:
        body = await response.read()
    assert body.startswith(b"".join(sse(delta("hel"), done=False)))
    last = json.loads(body.rstrip().rpartition(b"data: ")[2])
    assert words in last["error"]["message"]
    assert b"[DONE]" not in body
    (line,), (log,) = await gateway.lines(), await gateway.logs()
    assert (line["success"], line["is_estimated"], log["status"]) == (False, True, "error")
    assert line["prompt_tokens"] > 0
    assert line["completion_tokens"] > 0
    assert words in line["error"]
    assert log["response_content"] == "hel"


async def test_a_broken_line_in_a_stream_does_not_stop_it(chat, upstream):
    chunks = [b"data: {broken\n\n", *sse(delta("ho", "stop"))]
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream"))
    async with chat.post(PATH, {**ASK, "stream": True}) as response:
        assert await response.read() == b"".join(chunks)
    assert (await chat.logs())[0]["response_content"] == "ho"


async def test_an_error_inside_a_stream_is_recorded_as_one(chat, upstream):
    chunks = sse(delta("ho"), {"error": {"message": "content filter", "code": 500}})
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream"))
    async with chat.post(PATH, {**ASK, "stream": True}) as response:
        assert await response.read() == b"".join(chunks)
    (line,), (log,) = await chat.lines(), await chat.logs()
    assert (line["success"], log["status"]) == (False, "error")
    assert "content filter" in line["error"]


async def test_a_caller_who_leaves_mid_stream_ends_the_providers_work_and_is_billed(chat, upstream):
    chunks = sse(*[delta(f"word{number} ") for number in range(200)])
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream", pause=0.02))
    async with chat.post(PATH, {**ASK, "stream": True}) as response:
        await response.content.readany()
    await asyncio.wait_for(upstream.left.wait(), 3)
    (line,), (log,) = await chat.lines(), await chat.logs()
    assert (line["success"], line["is_estimated"], log["status"]) == (False, True, "error")
    assert "client closed" in line["error"].lower()
    assert line["prompt_tokens"] > 0
    assert 0 < line["completion_tokens"] < 200


async def test_a_caller_who_leaves_while_waiting_is_billed_what_the_provider_reports(chat, upstream):
    usage = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
    upstream.reply(Reply(body={**ANSWER, "usage": usage}, delay=0.5))
    call = asyncio.create_task(chat.call(PATH, ASK))
    async with asyncio.timeout(5):
        while not upstream.received:
            await asyncio.sleep(0.01)
    call.cancel()
    (line,), (log,) = await chat.lines(), await chat.logs()
    assert (line["total_tokens"], line["is_estimated"]) == (11, False)
    assert (line["success"], log["status"]) == (False, "error")


async def test_a_body_that_is_cut_off_is_logged(chat, upstream):
    _, writer = await asyncio.open_connection("127.0.0.1", int(chat.url.rpartition(":")[2]))
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {chat.code}\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{".encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    (log,) = await chat.logs()
    assert log["status"] == "error"
    assert "in the middle of its request" in log["error_message"]
    assert upstream.received == []


@pytest.mark.parametrize(
    "content", ["nul \x00 nul", "\ud800 alone", "x" * 1_000_000, 10**400, "\\u0000", {"deep": [[[{}]]]}]
)
async def test_nothing_that_is_said_can_stop_the_recording_of_others(chat, upstream, content):
    answer = {**ANSWER, "choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    upstream.reply(Reply(body=answer), Reply(body=ANSWER))
    odd = {"model": "m\x00" + "y" * 10_000, "messages": [{"role": "user", "content": content}]}
    assert (await chat.call(PATH, odd))[0] == 200
    assert (await chat.call(PATH, ASK))[0] == 200
    lines, logs = await chat.lines(2), await chat.logs(2)
    assert len(lines[0]["model"]) == 128
    assert [log["status"] for log in logs] == ["success", "success"]
    assert json.loads(upstream.received[0].body) == odd


async def test_no_secret_is_written_anywhere(chat, upstream, caplog):
    caplog.set_level(logging.DEBUG)
    upstream.reply(Reply(status=500, body={"error": {"message": "key sk-upstream-secret is bad"}}))
    _, body = await chat.call(PATH, ASK)
    written = json.dumps([await chat.lines(), await chat.logs(), body], default=str) + caplog.text
    assert "sk-upstream-secret" not in written
    assert chat.code not in written


def test_a_call_shows_nobody_its_code():
    headers, query = {"authorization": "Bearer daybook_secret"}, {"key": "daybook_secret"}
    exchange = Exchange(None, route_of("POST", PATH), PATH, headers, query)
    assert PATH in repr(exchange)
    assert "daybook_secret" not in repr(exchange)
