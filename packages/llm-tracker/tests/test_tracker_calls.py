"""`call_and_track` and `acall_and_track`: the answer reaches the caller, and exactly one line the ledger."""

import asyncio
import inspect
import json
import logging
import signal
import threading
from decimal import Decimal

import openai
import pytest

import llm_tracker
from llm_tracker.llm_tracker import LLMTracker
from llm_tracker.llm_usage import get_llm_usage_list

MESSAGES = [{"role": "user", "content": "Say hello."}]
REPORTED = {
    "model": "gpt-4.1-mini-2025-04-14",
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "cached_tokens": 4,
    "reasoning_tokens": 3,
}


def usage(prompt, answer):
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def test_the_signature_is_the_promised_one():
    promised = (
        "(messages, json_mode=False, max_tokens=None, temperature=None, response_format=None, "
        "node_name='unknown', state=None)"
    )
    for function in (LLMTracker.call_and_track, LLMTracker.acall_and_track):
        signature = inspect.signature(function)
        bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
        assert str(inspect.Signature(bare)) == promised


def test_an_answer_and_its_line(ledger, chat_server):
    state = {
        "user_id": 7,
        "source_type": "email",
        "source_task_id": "t-1",
        "source_path": "/in/1",
        "metadata": {"campaign": "autumn"},
    }
    content, found = LLMTracker.call_and_track(MESSAGES, node_name="greeter", state=state)
    assert content == "Hello!"
    assert found == REPORTED
    row = ledger.row()
    assert {name: row[name] for name in REPORTED} == REPORTED
    assert (row["user_id"], row["success"], row["error"], row["provider"]) == (7, 1, None, "openai")
    assert row["is_estimated"] == 0
    assert row["metadata"]["node_name"] == "greeter"
    assert row["metadata"]["source_type"] == "email"
    assert row["metadata"]["source_task_id"] == "t-1"
    assert row["metadata"]["source_path"] == "/in/1"
    assert row["metadata"]["campaign"] == "autumn"
    assert row["metadata"]["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}
    assert Decimal(row["cost"]) > 0
    assert chat_server.requests == [{"messages": MESSAGES, "model": "gpt-4.1-mini"}]


async def test_an_answer_without_blocking_the_loop(ledger):
    content, found = await LLMTracker.acall_and_track(MESSAGES, node_name="greeter")
    assert (content, found) == ("Hello!", REPORTED)
    assert ledger.row()["total_tokens"] == 30


@pytest.mark.parametrize("nothing", [[], (), None, iter(())])
def test_empty_messages_record_nothing(ledger, chat_server, nothing):
    with pytest.raises(ValueError, match=r"^Messages cannot be empty$"):
        LLMTracker.call_and_track(nothing)
    assert ledger.rows() == []
    assert chat_server.requests == []


async def test_empty_messages_record_nothing_anywhere(ledger):
    with pytest.raises(ValueError, match=r"^Messages cannot be empty$"):
        await LLMTracker.acall_and_track([])
    for stream in (LLMTracker.stream_and_track, LLMTracker.astream_and_track):
        with pytest.raises(ValueError, match=r"^Messages cannot be empty$"):
            stream([])
    assert ledger.rows() == []


@pytest.mark.parametrize("nothing", [None, "", "  \n", []])
def test_an_empty_answer_is_a_failure_with_the_tokens_it_cost(ledger, chat_server, nothing):
    chat_server.answers = [chat_server.completion(nothing, usage(20, 5))]
    with pytest.raises(ValueError, match=r"^LLM returned empty response$"):
        LLMTracker.call_and_track(MESSAGES)
    row = ledger.row()
    assert (row["success"], row["error"]) == (0, "LLM returned empty response")
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == (20, 5, 25)


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_an_error_is_raised_as_it_is_and_recorded(ledger, chat_server, status, raised):
    chat_server.answers = [(status, {"error": {"message": "no such luck", "type": "x", "code": "y"}})]
    with pytest.raises(raised, match="no such luck"):
        LLMTracker.call_and_track(MESSAGES, state={"user_id": 1})
    row = ledger.row()
    assert (row["success"], row["total_tokens"], row["is_estimated"], row["user_id"]) == (0, 0, 0, 1)
    assert raised.__name__ in row["error"]
    assert "no such luck" in row["error"]


async def test_an_error_is_recorded_in_async_code(ledger, chat_server):
    chat_server.answers = [(500, {"error": {"message": "no such luck"}})]
    with pytest.raises(openai.InternalServerError):
        await LLMTracker.acall_and_track(MESSAGES)
    assert ledger.row()["success"] == 0


def test_a_server_that_is_not_there_is_recorded(ledger, chat_server):
    llm_tracker.configure(
        OPENAI_CONFIG={"api_key": chat_server.key, "api_base": "http://127.0.0.1:9/v1", "max_retries": 0}
    )
    with pytest.raises(openai.APIConnectionError):
        LLMTracker.call_and_track(MESSAGES)
    row = ledger.row()
    assert (row["success"], row["total_tokens"], row["is_estimated"]) == (0, 0, 0)


def test_a_request_that_may_have_been_served_is_estimated(ledger, chat_server):
    chat_server.answers = [lambda _: [None]]  # the head of an answer, and then nothing more
    with pytest.raises(openai.APIConnectionError):
        LLMTracker.call_and_track(MESSAGES)
    row = ledger.row()
    assert (row["success"], row["is_estimated"], row["completion_tokens"]) == (0, 1, 0)
    assert row["prompt_tokens"] > 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((b"<html>Bad gateway</html>", "text/html"), "text/html"),
        ((b'{"choices": [', "application/json"), "not JSON"),
        ((b"[]", "application/json"), "not an object"),
        ((b'{"error": {"message": "overloaded"}}', "application/json"), "overloaded"),
    ],
)
def test_what_is_no_answer_is_an_error(ledger, chat_server, answer, said):
    chat_server.answers = [answer]
    with pytest.raises(openai.APIError, match=said):
        LLMTracker.call_and_track(MESSAGES)
    row = ledger.row()
    assert (row["success"], row["total_tokens"]) == (0, 0)
    assert said in row["error"]


@pytest.mark.parametrize(
    "body", [{}, {"choices": []}, {"choices": None}, {"choices": [None]}, {"choices": [{"message": None}]}]
)
def test_an_answer_without_choices_is_empty(ledger, chat_server, body):
    chat_server.answers = [body]
    with pytest.raises(ValueError, match="LLM returned empty response"):
        LLMTracker.call_and_track(MESSAGES)
    assert ledger.row()["success"] == 0


def test_missing_usage_is_estimated_and_marked(ledger, chat_server):
    chat_server.answers = [chat_server.completion("Hello, you!")]
    _, found = LLMTracker.call_and_track(MESSAGES)
    row = ledger.row()
    assert found["total_tokens"] == found["prompt_tokens"] + found["completion_tokens"]
    assert found["prompt_tokens"] > 0
    assert found["completion_tokens"] > 0
    assert row["is_estimated"] == 1
    assert row["total_tokens"] == found["total_tokens"]
    assert "usage" not in row["metadata"]


def test_a_price_that_nobody_knows_is_null(ledger, chat_server):
    chat_server.answers = [chat_server.completion(usage=usage(1, 1), model="my-own-finetune")]
    llm_tracker.configure(
        OPENAI_CONFIG={"api_key": chat_server.key, "api_base": chat_server.url, "model": "my-own-finetune"}
    )
    LLMTracker.call_and_track(MESSAGES)
    assert ledger.row()["cost"] is None


def test_parameters_reach_the_provider(ledger, chat_server):
    LLMTracker.call_and_track(MESSAGES, json_mode=True, max_tokens=5, temperature=0)
    LLMTracker.call_and_track(MESSAGES, json_mode=True, response_format={"type": "text"})
    first, second = chat_server.requests
    assert first["response_format"] == {"type": "json_object"}
    assert (first["max_tokens"], first["temperature"]) == (5, 0)
    assert second["response_format"] == {"type": "text"}
    assert "temperature" not in second
    assert "max_tokens" not in second


def test_retries_are_one_line_that_tells_of_them(ledger, chat_server):
    llm_tracker.configure(
        OPENAI_CONFIG={
            "api_key": chat_server.key,
            "api_base": chat_server.url,
            "model": "gpt-4.1-mini",
            "max_retries": 1,
        }
    )
    chat_server.answers = [
        (500, {"error": {"message": "not now"}}),
        chat_server.completion(usage=usage(2, 1)),
    ]
    LLMTracker.call_and_track(MESSAGES)
    assert len(chat_server.requests) == 2
    assert ledger.row()["metadata"]["retries"] == 1


async def test_a_cancelled_call_is_recorded(ledger, chat_server):
    arrived = threading.Event()

    def stall(_):
        arrived.set()
        return [3, None]

    chat_server.answers = [stall]
    task = asyncio.create_task(LLMTracker.acall_and_track(MESSAGES))
    await asyncio.to_thread(arrived.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    row = ledger.row()
    assert (row["success"], row["is_estimated"]) == (0, 1)
    assert "CancelledError" in row["error"]
    assert row["prompt_tokens"] > 0


def test_an_interrupted_call_is_recorded(ledger, chat_server):
    def interrupt(_):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return [3, None]

    chat_server.answers = [interrupt]
    with pytest.raises(KeyboardInterrupt):
        LLMTracker.call_and_track(MESSAGES)
    row = ledger.row()
    assert (row["success"], row["is_estimated"]) == (0, 1)
    assert "KeyboardInterrupt" in row["error"]


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")


def test_what_cannot_be_stored_loses_neither_answer_nor_line(ledger, chat_server):
    endless = []
    endless.append(endless)
    chat_server.answers = [
        chat_server.completion("Hi \ud800!", usage(10**12, 3), model="m\x00" + "x" * 10_000)
    ]
    content, found = LLMTracker.call_and_track(
        MESSAGES,
        node_name="nul \x00 and \udfff",
        state={
            "user_id": "not-a-number",
            "source_path": object(),
            "metadata": {
                "\x00key": {1, 2},
                5: float("nan"),
                "big": 10**400,
                "endless": endless,
                "hostile": Hostile(),
                "bytes": b"\xff",
                "long": "x" * 3_000_000,
                "node_name": "taken",
            },
        },
    )
    assert content == "Hi \ud800!"
    assert found["model"].startswith("m\x00xxx")
    row = ledger.row()
    assert len(row["model"]) == 128
    assert row["model"].startswith("m\\u0000xx")
    assert row["user_id"] is None
    kept = row["metadata"]
    assert kept["user_id"] == "not-a-number"
    assert kept["node_name"] == "nul \\u0000 and \\udfff"
    assert kept["metadata"] == {"node_name": "taken"}
    assert kept["\\u0000key"] == [1, 2]
    assert kept["5"] == "nan"
    assert "Hostile" in kept["hostile"]
    assert len(json.dumps(kept)) < 1_500_000
    assert get_llm_usage_list()["total"] == 1


@pytest.mark.parametrize(
    ("given", "kept"), [("42", 42), (0, 0), (-1, -1), (True, None), (2**40, None), (1.5, None), ("", None)]
)
def test_a_user_id_is_an_integer_or_stays_in_metadata(ledger, given, kept):
    LLMTracker.call_and_track(MESSAGES, state={"user_id": given})
    row = ledger.row()
    assert row["user_id"] == kept
    assert ("user_id" in row["metadata"]) == (kept is None)


def test_a_state_may_be_an_object_or_hold_odd_metadata(ledger):
    class State:
        user_id = 3
        metadata = "just text"

    LLMTracker.call_and_track(MESSAGES, state=State())
    LLMTracker.call_and_track(MESSAGES, state="nonsense")
    first, second = ledger.rows()
    assert (first["user_id"], first["metadata"]["metadata"]) == (3, "just text")
    assert second["user_id"] is None


def test_a_key_is_shown_nowhere(ledger, chat_server, caplog):
    caplog.set_level(logging.DEBUG)
    chat_server.answers = [(401, {"error": {"message": f"Incorrect API key provided: {chat_server.key}."}})]
    with pytest.raises(openai.AuthenticationError) as caught:
        LLMTracker.call_and_track(MESSAGES, state={"metadata": {"copied": chat_server.key}})
    assert chat_server.key not in f"{caught.value!s} {caught.value!r} {caught.value.body!r}"
    assert "[hidden]" in str(caught.value)
    assert chat_server.key not in json.dumps(ledger.row())
    assert chat_server.key not in caplog.text
    assert chat_server.headers[0]["authorization"] == f"Bearer {chat_server.key}"


def test_a_wrong_setting_is_told_before_the_call_costs_anything(ledger, chat_server):
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL="mysql://me:secret-password@host/db")
    with pytest.raises(ValueError, match="LLM_TRACKER_DATABASE_URL") as caught:
        LLMTracker.call_and_track(MESSAGES)
    assert "secret-password" not in str(caught.value)
    assert chat_server.requests == []


@pytest.mark.parametrize("messages", ["Hello", {"role": "user", "content": "Hello"}, 5])
def test_messages_that_are_no_list_are_told_so(ledger, messages):
    with pytest.raises(ValueError, match="messages must be a list"):
        LLMTracker.call_and_track(messages)
    assert ledger.rows() == []


def test_a_prompt_that_cannot_be_sent_is_recorded_as_free(ledger, chat_server):
    with pytest.raises(UnicodeEncodeError):
        LLMTracker.call_and_track([{"role": "user", "content": "\ud800"}])
    assert (ledger.row()["success"], ledger.row()["total_tokens"]) == (0, 0)
    assert chat_server.requests == []
