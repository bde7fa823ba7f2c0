"""Where nothing is kept of what was said, calls that break off are counted all the same."""

import asyncio
import shutil

import pytest
import pytest_asyncio

from daybook.settings import Settings
from support.gateway.served import serving, shipping
from support.gateway.upstream import Reply, sse

WORDS = [f"word{number} " for number in range(60)]
QUESTION = "please count all of these words for me " * 20
ASK = {
    "model": "claude",
    "max_tokens": 999,
    "messages": [{"role": "user", "content": QUESTION}],
    "stream": True,
}
STREAM = sse(
    {"type": "message_start", "message": {"usage": {"input_tokens": 170, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    *(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
        for word in WORDS
    ),
    event_names=True,
    done=False,
)
CHAT = sse(*({"choices": [{"index": 0, "delta": {"content": word}}]} for word in WORDS), done=False)


@pytest_asyncio.fixture
async def discreet(database, database_url, tmp_path):
    settings = Settings(data=tmp_path / "data", redact="content")
    async with serving(settings, database, database_url) as gateway:
        yield gateway


@pytest.mark.parametrize("redact", ["secrets", "content"])
@pytest.mark.parametrize(
    ("path", "status"), [("/v1/nowhere", 404), ("/v1/batches", 400), ("/v1/chat/completions", 400)]
)
async def test_what_is_refused_is_answered_and_logged(database, database_url, tmp_path, redact, path, status):
    async with serving(Settings(data=tmp_path, redact=redact), database, database_url) as gateway:
        assert (await gateway.call(path, b"no json"))[0] == status
        (log,) = await gateway.logs()
        assert log["status"] == "error"


async def test_a_stream_that_breaks_off_is_counted_by_what_it_brought(discreet, upstream):
    await discreet.add_config("main", upstream.url, provider="anthropic")
    upstream.reply(Reply(chunks=STREAM, content_type="text/event-stream", cut=True))
    async with discreet.post("/v1/messages", ASK) as response:
        await response.read()
    (line,) = await discreet.lines()
    assert (line["success"], line["is_estimated"], line["prompt_tokens"]) == (False, True, 170)
    assert line["completion_tokens"] > 60


async def test_so_is_one_whose_gateway_was_killed(discreet, upstream, database, database_url, tmp_path):
    """A copy of its journal is what a killed gateway leaves."""
    await discreet.add_config("main", upstream.url + "/v1")
    upstream.reply(Reply(chunks=CHAT, content_type="text/event-stream", stall=True))
    async with discreet.post("/v1/chat/completions", {**ASK, "model": "gpt-4o"}) as response:
        while WORDS[-1].encode() not in await response.content.readany():
            pass
        await asyncio.sleep(1.5)
        left = tmp_path / "left"
        shutil.copytree(discreet.settings.data / "journal", left / "journal")
        async with shipping(Settings(data=left), database, database_url):
            (line,) = await discreet.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)
    assert line["prompt_tokens"] > 160
    assert line["completion_tokens"] > 60
    assert b"word" not in b"".join(path.read_bytes() for path in left.rglob("*.journal"))


async def test_a_key_that_was_given_as_the_model_is_not_kept(database, database_url, tmp_path, upstream):
    key = "sk-proj-aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5"
    async with serving(Settings(data=tmp_path, redact="secrets"), database, database_url) as gateway:
        await gateway.add_config("main", upstream.url + "/v1")
        upstream.reply(Reply(body={"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}))
        for path in ("/v1/chat/completions", f"/v1beta/models/{key}:generateContent", f"/v1/{key}"):
            await gateway.call(path, {"model": key, "messages": []})
        rows = [*await gateway.lines(1), *await gateway.logs(3)]
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*.journal"))
        assert key.encode() not in kept
        assert key not in str(rows)
        assert "[redacted: API key]" in str(rows)
