"""Streams: text as it arrives, and one line when the stream ends, fails or is abandoned."""

import asyncio
import gc
import json
import os
import subprocess
import sys

import openai
import pytest

import llm_tracker
from llm_tracker import settings, streams
from llm_tracker.llm_tracker import LLMTracker

MESSAGES = [{"role": "user", "content": "Say hello."}]
REPORTED = {
    "model": "gpt-4.1-mini-2025-04-14",
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "cached_tokens": 4,
    "reasoning_tokens": 3,
}


def never_ending(chat_server):
    """Send two pieces, then stall."""
    return lambda _: [chat_server.chunk("Hel"), chat_server.chunk("lo "), 5]


def test_a_stream_and_its_line(ledger, chat_server):
    stream = LLMTracker.stream_and_track(MESSAGES, node_name="greeter", state={"user_id": 7})
    assert stream.usage is None
    assert ledger.rows() == []
    assert "".join(stream) == "Hello!"
    assert stream.content == "Hello!"
    assert stream.usage == REPORTED
    row = ledger.row()
    assert {name: row[name] for name in REPORTED} == REPORTED
    assert (row["success"], row["is_estimated"], row["user_id"]) == (1, 0, 7)
    assert row["metadata"]["usage"]["total_tokens"] == 30
    assert chat_server.requests[0]["stream_options"] == {"include_usage": True}
    stream.close()
    assert len(ledger.rows()) == 1


async def test_an_async_stream_and_its_line(ledger):
    stream = LLMTracker.astream_and_track(MESSAGES)
    assert "".join([piece async for piece in stream]) == "Hello!"
    assert stream.usage == REPORTED
    assert ledger.row()["total_tokens"] == 30
    awaited = await LLMTracker.astream_and_track(MESSAGES)
    async with awaited:
        assert [piece async for piece in awaited] == ["Hel", "lo!"]
    assert len(ledger.rows()) == 2


def test_a_stream_that_nobody_reads_is_not_sent(ledger, chat_server):
    with LLMTracker.stream_and_track(MESSAGES):
        pass
    assert chat_server.requests == []
    assert ledger.rows() == []


@pytest.mark.parametrize("how", ["close", "with", "drop"])
def test_a_stream_that_is_left_early_is_recorded_once(ledger, chat_server, how):
    chat_server.answers = [never_ending(chat_server)]
    stream = LLMTracker.stream_and_track(MESSAGES)
    assert next(stream) == "Hel"
    if how == "close":
        stream.close()
        stream.close()
        assert list(stream) == []
    elif how == "with":
        with stream:
            pass
    del stream
    gc.collect()
    row = ledger.row()
    assert (row["success"], row["is_estimated"]) == (0, 1)
    assert "left the stream" in row["error"]
    assert row["prompt_tokens"] > 0
    assert row["completion_tokens"] > 0


@pytest.mark.parametrize("how", ["aclose", "drop", "cancel"])
async def test_an_async_stream_that_is_left_early_is_recorded_once(ledger, chat_server, how):
    chat_server.answers = [never_ending(chat_server)]
    stream = LLMTracker.astream_and_track(MESSAGES)
    assert await anext(stream) == "Hel"
    if how == "aclose":
        await stream.aclose()
        await stream.aclose()
    elif how == "cancel":
        await anext(stream, None)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        del waiting
    del stream
    gc.collect()
    await asyncio.sleep(0.05)
    row = ledger.row()
    assert (row["success"], row["is_estimated"]) == (0, 1)
    assert row["completion_tokens"] > 0


EXIT = """
import llm_tracker, json, sys
from llm_tracker.llm_tracker import LLMTracker
llm_tracker.configure(json.loads(sys.argv[1]))

class Holder:
    "Holds itself too, so that only the end of the interpreter takes it apart."

messages = [{"role": "user", "content": "Say hello."}]
LLMTracker.call_and_track(messages)
holder = Holder()
holder.itself, holder.stream = holder, LLMTracker.stream_and_track(messages)
print(next(holder.stream), flush=True)
"""


def test_a_program_that_ends_in_the_middle_of_a_stream_records_it_quietly(ledger, chat_server):
    chat_server.answers = [chat_server.completion(), never_ending(chat_server)]
    told = json.dumps(dict(settings.current()))
    done = subprocess.run(
        [sys.executable, "-c", EXIT, told], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("Hel\n", "")
    assert not ledger.spill.exists()
    _, row = ledger.rows()
    assert (row["success"], row["is_estimated"]) == (0, 1)
    assert row["error"] == "The caller left the stream before its end"


def test_a_fork_leaves_its_parents_stream_alone(ledger, chat_server):
    stream = LLMTracker.stream_and_track(MESSAGES)
    assert next(stream) == "Hel"
    child = os.fork()
    if not child:
        try:
            del stream
            gc.collect()
            streams._abandon_all()  # as the interpreter does when it ends
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert ledger.rows() == []
    assert "".join(stream) == "lo!"
    assert (ledger.row()["success"], ledger.row()["total_tokens"]) == (1, 30)


def test_a_stream_that_breaks_off_is_recorded_with_what_came(ledger, chat_server):
    chat_server.answers = [lambda _: [chat_server.chunk("Hel"), None]]
    stream = LLMTracker.stream_and_track(MESSAGES)
    with pytest.raises(openai.APIConnectionError):
        list(stream)
    assert stream.content == "Hel"
    row = ledger.row()
    assert (row["success"], row["is_estimated"]) == (0, 1)
    assert row["completion_tokens"] > 0


def test_a_stream_that_ends_without_an_end_is_a_failure(ledger, chat_server):
    chat_server.answers = [lambda _: [chat_server.chunk("Hel")]]
    with pytest.raises(openai.APIConnectionError, match="before the answer was complete"):
        list(LLMTracker.stream_and_track(MESSAGES))
    assert ledger.row()["success"] == 0


def test_an_error_inside_a_stream_is_raised_and_recorded(ledger, chat_server):
    error = b'data: {"error": {"message": "overloaded"}}\n\n'
    chat_server.answers = [lambda _: [chat_server.chunk("Hel"), error]]
    with pytest.raises(openai.APIError, match="overloaded"):
        list(LLMTracker.stream_and_track(MESSAGES))
    assert "overloaded" in ledger.row()["error"]


def test_a_broken_event_is_an_error(ledger, chat_server):
    chat_server.answers = [lambda _: [chat_server.chunk("Hel"), b'data: {"choices": [\n\n']]
    with pytest.raises(openai.APIError, match="not JSON"):
        list(LLMTracker.stream_and_track(MESSAGES))
    assert ledger.row()["success"] == 0


@pytest.mark.parametrize("pieces", [[], [""], [" \n"]])
def test_an_empty_stream_is_a_failure_with_the_tokens_it_cost(ledger, chat_server, pieces):
    chat_server.answers = [chat_server.stream(*pieces)]
    with pytest.raises(ValueError, match=r"^LLM returned empty response$"):
        list(LLMTracker.stream_and_track(MESSAGES))
    row = ledger.row()
    assert (row["success"], row["error"]) == (0, "LLM returned empty response")
    assert row["total_tokens"] == 30


def test_a_stream_without_usage_is_estimated(ledger, chat_server):
    chat_server.answers = [chat_server.stream("Hello, ", "you!", usage=None)]
    assert "".join(LLMTracker.stream_and_track(MESSAGES)) == "Hello, you!"
    row = ledger.row()
    assert (row["success"], row["is_estimated"]) == (1, 1)
    assert row["total_tokens"] == row["prompt_tokens"] + row["completion_tokens"] > 0


def test_a_refused_stream_costs_nothing(ledger, chat_server):
    chat_server.answers = [(429, {"error": {"message": "slow down"}})]
    with pytest.raises(openai.RateLimitError):
        list(LLMTracker.stream_and_track(MESSAGES))
    assert (ledger.row()["success"], ledger.row()["total_tokens"]) == (0, 0)


def test_a_server_that_does_not_stream_is_understood(ledger, chat_server):
    chat_server.answers = [
        chat_server.completion("All at once", {"prompt_tokens": 3, "completion_tokens": 4})
    ]
    assert list(LLMTracker.stream_and_track(MESSAGES)) == ["All at once"]
    assert ledger.row()["total_tokens"] == 7


def test_a_page_in_a_streams_place_is_an_error(ledger, chat_server):
    chat_server.answers = [(b"<html>\nhello\n</html>", "text/html")]
    with pytest.raises(openai.APIError):
        list(LLMTracker.stream_and_track(MESSAGES))
    assert ledger.row()["success"] == 0


@pytest.mark.parametrize("size", [1, 2, 7])
def test_bytes_may_be_cut_anywhere_and_lines_may_end_as_they_like(ledger, chat_server, size):
    body = b"".join(chat_server.stream("Grüß ", "dich, 世界!")).replace(b"\n", b"\r\n")
    body = b": a comment\r\n\r\nevent: x\r\n" + body
    chat_server.answers = [[body[at : at + size] for at in range(0, len(body), size)]]
    assert "".join(LLMTracker.stream_and_track(MESSAGES)) == "Grüß dich, 世界!"
    assert ledger.row()["total_tokens"] == 30


def test_a_provider_that_keeps_the_line_open_after_the_end_is_not_waited_for(ledger, chat_server):
    chat_server.answers = [lambda _: [*chat_server.stream("Hello!"), 5]]
    assert list(LLMTracker.stream_and_track(MESSAGES)) == ["Hello!"]


def test_servers_that_refuse_the_question_for_usage_are_not_asked(ledger, chat_server):
    llm_tracker.configure(
        LLM_PROVIDER="openai_compatible",
        OPENAI_COMPATIBLE_CONFIG={"api_base": chat_server.url, "model": "m", "include_usage": False},
    )
    list(LLMTracker.stream_and_track(MESSAGES))
    assert "stream_options" not in chat_server.requests[0]
