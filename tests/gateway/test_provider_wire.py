"""What providers do with HTTP itself, byte by byte."""

import asyncio
import gzip
import json
import ssl
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.gateway.wire import Talk, raw_provider

PATH = "/v1/chat/completions"
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ANSWER = json.dumps(
    {"choices": [{"index": 0, "message": {"content": "ho"}, "finish_reason": "stop"}], "usage": USAGE}
).encode()
EVENTS = (
    b'data: {"choices":[{"index":0,"delta":{"content":"ho"},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":' + json.dumps(USAGE).encode() + b"}\n\ndata: [DONE]\n\n"
)


def whole(body: bytes = ANSWER, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


def chunked(*chunks: bytes, trailers: bytes = b"", media_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return (
        head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks) + b"0\r\n" + trailers + b"\r\n"
    )


def saying(answer: bytes, *, then_close: bool = True):
    async def script(talk: Talk) -> None:
        await talk.heard()
        await talk.say(answer)
        while not then_close:
            await talk.heard()
            await talk.say(answer)

    return script


GOOD = {
    "informational": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + whole(),
    "chunked": chunked(ANSWER[:7], ANSWER[7:]),
    "trailers": chunked(ANSWER, trailers=b"x-request-id: late\r\n"),
    "no length": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + ANSWER,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + ANSWER,
    "gzip": whole(gzip.compress(ANSWER), content_encoding="gzip"),
    "GZIP": whole(gzip.compress(ANSWER), content_encoding="GZIP"),
    "deflate": whole(zlib.compress(ANSWER), content_encoding="deflate"),
    "garbage after": whole() + b"\r\n\r\ngarbage",
    "a second answer after": whole()
    + whole(b'{"error": "for somebody else"}', "500 No", x_request_id="other"),
    "many headers": whole(**{f"x-{number}": "y" * 100 for number in range(100)}),
}


@pytest.mark.parametrize("how", GOOD)
@pytest.mark.parametrize("then_close", [True, False])
async def test_an_answer_is_taken_however_it_is_framed(gateway, how, then_close):
    if not then_close and how in {"no length", "HTTP/1.0"}:
        pytest.skip("its end is the connection's")
    async with raw_provider(saying(GOOD[how], then_close=then_close)) as provider:
        await gateway.add_config("main", provider.url)
        async with gateway.post(PATH, ASK) as response:
            assert (response.status, await response.read()) == (200, ANSWER)
            assert "x-request-id" not in response.headers
        assert (await gateway.call(PATH, ASK))[0] == 200
    for line in await gateway.lines(2):
        assert (line["success"], line["total_tokens"], line["is_estimated"]) == (True, 5, False)
        assert len(line["metadata"]["attempts"]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        whole()[:-3],
        whole(content_length="3"),
        chunked(ANSWER)[:-5],
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        whole(content_encoding="br"),
        whole(b"not gzip", content_encoding="gzip"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        whole(b"", "201 Created"),
        whole(ANSWER, "206 Partial Content"),
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 2**19,
        b"HTTP/1.1 200 OK\r\nx-request-id: " + b"y" * 2**22,
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_answer_is_502(gateway, answer):
    async with raw_provider(saying(answer)) as provider:
        await gateway.add_config("main", provider.url)
        status, body = await gateway.call(PATH, ASK)
    assert (status, "'main'" in body["error"]["message"]) == (502, True), body
    (line,), (log,) = await gateway.lines(), await gateway.logs()
    assert (line["success"], log["status"]) == (False, "error")


async def test_a_head_without_end_is_502(gateway):
    async def script(talk: Talk) -> None:
        await talk.heard()
        await talk.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await talk.say(b"x: " + b"y" * 2**16 + b"\r\n")

    async with raw_provider(script) as provider:
        await gateway.add_config("main", provider.url)
        status, body = await asyncio.wait_for(gateway.call(PATH, ASK), 5)
    assert status == 502
    assert "headers are too large" in body["error"]["message"]


async def test_headers_of_a_provider_cannot_add_headers_to_the_answer(gateway):
    odd = whole(x_request_id="a\r\n set-cookie: b", content_type="application/json\r\n\tx-evil: 1")
    async with raw_provider(saying(odd)) as provider:
        await gateway.add_config("main", provider.url)
        async with gateway.post(PATH, ASK) as response:
            await response.read()
            assert "set-cookie" not in response.headers
            assert "x-evil" not in response.headers


async def test_a_gzip_bomb_is_not_unpacked(gateway):
    bomb = gzip.compress(b"[" + b" " * (600 * 2**20) + b"]", 1)

    async def script(talk: Talk) -> None:
        await talk.heard()
        await talk.say(whole(bomb, content_encoding="gzip"))

    async with raw_provider(script) as provider:
        await gateway.add_config("main", provider.url)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        status, body = await gateway.call(PATH, ASK)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
    assert (status, body["error"]["code"]) == (502, "upstream_broken")
    assert peak < 200 * 2**20


@pytest.mark.parametrize("size", [1000, 900_000])
async def test_an_answer_that_comes_before_the_whole_request_was_sent_is_taken(gateway, size):
    refusal = json.dumps({"error": {"message": "too large for us"}}).encode()

    async def script(talk: Talk) -> None:
        await talk.reader.readuntil(b"\r\n\r\n")
        await talk.say(whole(refusal, "413 Too Large", connection="close"))

    async with raw_provider(script) as provider:
        await gateway.add_config("main", provider.url)
        ask = {**ASK, "messages": [{"role": "user", "content": "x" * size}]}
        status, body = await gateway.call(PATH, ask)
        assert (status, body) == (413, json.loads(refusal))
        assert provider.connections == 1


async def test_a_kept_connection_that_was_just_closed_is_replaced_unseen(gateway):
    async def script(talk: Talk) -> None:
        await talk.heard()
        await talk.say(whole())
        await talk.reader.readexactly(1)  # the second call has begun; nobody reads it

    async with raw_provider(script) as provider:
        await gateway.add_config("main", provider.url)
        for _ in range(3):
            assert (await gateway.call(PATH, ASK))[0] == 200
        assert provider.connections == 3
    assert [len(line["metadata"]["attempts"]) for line in await gateway.lines(3)] == [1, 1, 1]


async def test_a_call_that_a_kept_connection_lost_after_a_while_is_not_sent_again_unseen(
    gateway, monkeypatch
):
    monkeypatch.setattr("daybook.gateway.upstream.pool._STALE_SECONDS", 0.2)

    async def script(talk: Talk) -> None:
        await talk.heard()
        await talk.say(whole())
        await talk.heard()
        await asyncio.sleep(0.4)  # it works on it, and breaks down

    async with raw_provider(script) as provider:
        await gateway.add_config("main", provider.url)
        assert (await gateway.call(PATH, ASK))[0] == 200
        status, body = await gateway.call(PATH, ASK)
        assert (status, body["error"]["code"]) == (502, "upstream_broken")
        assert len(provider.requests) == 2


async def test_a_stream_in_pieces_of_one_byte_is_a_stream(gateway):
    async def script(talk: Talk) -> None:
        await talk.heard()
        for byte in chunked(*(bytes([byte]) for byte in EVENTS), media_type="text/event-stream"):
            talk.writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with raw_provider(script) as provider:
        await gateway.add_config("main", provider.url)
        asked = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
        async with gateway.post(PATH, asked) as response:
            assert await response.read() == EVENTS
    (line,) = await gateway.lines()
    assert (line["success"], line["total_tokens"]) == (True, 5)


async def test_a_compressed_stream_is_passed_on_unpacked(gateway):
    packed = gzip.compress(EVENTS)
    answer = whole(packed, content_type="text/event-stream", content_encoding="gzip")
    async with raw_provider(saying(answer)) as provider:
        await gateway.add_config("main", provider.url)
        asked = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
        async with gateway.post(PATH, asked) as response:
            assert "content-encoding" not in response.headers
            assert await response.read() == EVENTS


async def test_a_certificate_that_nobody_signed_is_not_trusted(gateway, tmp_path):
    async with raw_provider(saying(whole()), ssl=_own_certificate(tmp_path)) as provider:
        await gateway.add_config("main", provider.url.replace("http", "https"))
        status, body = await gateway.call(PATH, ASK)
    assert (status, body["error"]["code"]) == (502, "upstream_unreachable")
    assert "certificate" in body["error"]["message"]


async def test_tls_where_there_is_none_is_502(gateway, upstream):
    await gateway.add_config("main", upstream.url.replace("http", "https"))
    assert (await gateway.call(PATH, ASK))[0] == 502


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 70 + ".invalid", "[::1]:9"])
async def test_a_host_that_is_not_there_is_502(gateway, host):
    await gateway.add_config("main", f"http://{host}/v1")
    status, body = await gateway.call(PATH, ASK)
    assert (status, body["error"]["code"]) == (502, "upstream_unreachable")


async def test_a_hundred_streams_at_once(gateway):
    async def script(talk: Talk) -> None:
        while True:
            await talk.heard()
            await talk.say(
                chunked(
                    *(EVENTS[at : at + 20] for at in range(0, len(EVENTS), 20)),
                    media_type="text/event-stream",
                )
            )

    async def one() -> bytes:
        async with gateway.post(PATH, {**ASK, "stream": True}) as response:
            return await response.read()

    async with raw_provider(script, backlog=200) as provider:
        await gateway.add_config("main", provider.url)
        answers = await asyncio.gather(*(one() for _ in range(100)))
    assert {answer.count(b"[DONE]") for answer in answers} == {1}
    lines = await gateway.lines(100)
    assert {(line["success"], line["total_tokens"]) for line in lines} == {(True, 5)}
    assert len(await gateway.logs(100)) == 100


def _own_certificate(folder) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "own.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
