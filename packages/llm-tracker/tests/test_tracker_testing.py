"""The testing kit for users of the library."""

import httpx2
import openai
import pytest

import llm_tracker
from llm_tracker.llm_tracker import LLMTracker
from llm_tracker.llm_usage_stats import get_summary_stats
from llm_tracker.settings import current
from llm_tracker.testing import scripted_provider

MESSAGES = [{"role": "user", "content": "Say hello."}]


def test_a_script_is_followed_and_leaves_no_trace(clean):
    llm_tracker.configure(LLM_PROVIDER="gemini")
    before = dict(current())
    with scripted_provider(
        "One.", lambda request: request["messages"][0]["content"], 500, "Last."
    ) as provider:
        assert LLMTracker.call_and_track(MESSAGES)[0] == "One."
        assert LLMTracker.call_and_track(MESSAGES)[0] == "Say hello."
        with pytest.raises(openai.InternalServerError):
            LLMTracker.call_and_track(MESSAGES)
        assert list(LLMTracker.stream_and_track(MESSAGES)) == ["Last."]
        assert "".join(LLMTracker.stream_and_track(MESSAGES)) == "Last."
        assert [line["success"] for line in provider.lines()] == [True, True, False, True, True]
        assert provider.requests[0]["messages"] == MESSAGES
        assert get_summary_stats()["total_calls"] == 5
    assert dict(current()) == before
    assert list(clean.iterdir()) == []


async def test_async_code_follows_the_script_too(clean):
    with scripted_provider(httpx2.ReadTimeout("slow"), {"choices": []}) as provider:
        with pytest.raises(openai.APITimeoutError):
            await LLMTracker.acall_and_track(MESSAGES)
        with pytest.raises(ValueError, match="LLM returned empty response"):
            await LLMTracker.acall_and_track(MESSAGES)
        assert len(provider.lines()) == 2


def test_each_script_has_a_ledger_of_its_own(clean):
    for _ in range(2):
        with scripted_provider() as provider:
            LLMTracker.call_and_track(MESSAGES)
            assert len(provider.lines()) == 1
