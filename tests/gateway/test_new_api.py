"""A new API is one file, one usage object, one line in the table, and one in the provider that answers it."""

import json

import pytest

from daybook.gateway.apis.table import APIS, TABLE
from daybook.gateway.providers.kinds import OPENAI_COMPATIBLE
from support.gateway.known import Budgets
from support.gateway.served import serving
from support.gateway.upstream import Reply, sse
from support.gateway.verses import VERSES

PATH = "/v1/verses"
ASKED = {"model": "li-bai", "theme": "moonlight", "mood": "calm"}
ANSWER = {"model": "li-bai-2", "verse": ["Before my bed"], "ink": {"drunk": 3, "spilled": 2}}
FIN = {"fin": True, "model": "li-bai-2", "ink": {"drunk": 3, "spilled": 2}}


def stream(*pieces, fin=True):
    return sse(*({"piece": piece} for piece in pieces), *([FIN] if fin else []), done=False)


@pytest.fixture(autouse=True)
def verses(monkeypatch):
    """Add the API to the table, and to those that a provider answers."""
    TABLE.load((*APIS, VERSES))
    monkeypatch.setattr(OPENAI_COMPATIBLE, "apis", (VERSES,))
    yield
    TABLE.load(APIS)


async def test_a_whole_answer_leaves_a_line_and_a_call_log(chat, upstream):
    upstream.reply(Reply(body=ANSWER))

    assert await chat.call(PATH, ASKED) == (200, ANSWER)

    (line,) = await chat.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["is_estimated"]) == (3, 2, False)
    assert line["metadata"]["usage"] == ANSWER["ink"]
    await assert_log(chat, ANSWER)


async def test_a_stream_leaves_a_line_and_a_call_log(chat, upstream):
    chunks = stream("Before ", "my bed")
    upstream.reply(Reply(chunks=chunks, content_type="text/event-stream"))

    assert await chat.call(PATH, {**ASKED, "stream": True}) == (200, b"".join(chunks))

    (line,) = await chat.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["is_estimated"]) == (3, 2, False)
    await assert_log(chat, ANSWER)


async def assert_log(chat, answer):
    (log,) = await chat.logs()
    assert (log["api"], log["request_messages"], log["status"]) == ("verses", "moonlight", "success")
    assert (log["response_content"], log["response_data"]) == ("Before my bed", answer)
    assert log["request_params"].items() >= {"model": "li-bai", "mood": "calm"}.items()


async def test_its_errors_have_its_shape(chat, upstream):
    upstream.reply(Reply(cut=True))

    status, body = await chat.call(PATH, ASKED)
    assert (status, body["error"]["why"], set(body)) == (502, "upstream_broken", {"error"})

    async with chat.http.get(f"{chat.url}/v1/models", headers={"x-verse": "1"}) as response:
        assert (response.status, (await response.json())["error"]["why"]) == (401, "missing_code")
    async with chat.http.get(f"{chat.url}/v1/models", headers=chat.headers(x_verse="1")) as response:
        assert list(await response.json()) == ["poets"]


async def test_a_stream_that_breaks_off_ends_in_its_error(chat, upstream):
    upstream.reply(Reply(chunks=stream("Before", fin=False), content_type="text/event-stream", cut=True))

    status, raw = await chat.call(PATH, {**ASKED, "stream": True})

    last = json.loads(raw.strip().rpartition(b"data: ")[2])
    assert (status, last["error"]["why"]) == (200, "upstream_broken")
    (line,) = await chat.lines()
    assert (line["success"], line["is_estimated"]) == (False, True)
    (log,) = await chat.logs()
    assert (log["status"], log["response_content"]) == ("error", "Before")


async def test_a_hard_budget_bounds_it(chat, upstream):
    await Budgets(chat.resources, "group", 1).add(5000)
    upstream.reply(Reply(body=ANSWER))

    assert (await chat.call(PATH, ASKED))[0] == 200
    assert upstream.received[0].json == {**ASKED, "most_ink": 4096}

    status, body = await chat.call(PATH, {**ASKED, "most_ink": 6000})
    assert (status, body["error"]["why"]) == (429, "budget_reached")
    assert len(upstream.received) == 1


async def test_a_secret_that_is_spread_over_its_stream_is_redacted(
    database, database_url, settings, upstream
):
    pieces = "key sk-aB3dE5gH", "7jK9mN1pQ3sT5v"
    upstream.reply(Reply(chunks=stream(*pieces), content_type="text/event-stream"))
    secretive = settings.model_copy(update={"redact": "secrets"})
    async with serving(secretive, database, database_url) as gateway:
        await gateway.add_config("main", upstream.url + "/v1")
        await gateway.call(PATH, {**ASKED, "stream": True})

        (log,) = await gateway.logs()
        assert log["response_content"] == "key [redacted: API key]"
