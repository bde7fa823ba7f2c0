"""Usage of all recorded exchanges, compared with the provider's own report.

The expected numbers derive from the file's `usage` and `usage_raw` and the inclusive rule, not from the normaliser.
"""

import json
import random
from pathlib import Path

import pytest

from llm_tracker.usage import Usage, UsageReader, usage_from_response

RECORDED = Path(__file__).parents[4] / "shared" / "llm" / "recorded.jsonl"

pytestmark = pytest.mark.skipif(
    not RECORDED.exists(), reason="the recorded exchanges are not beside this checkout"
)


@pytest.fixture(scope="module")
def exchanges():
    with RECORDED.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def reported(exchange):
    """The provider's own numbers as inclusive buckets, or None where it reported none."""
    told = exchange["usage"]
    if exchange["response"]["status"] != 200 or told is None or all(value is None for value in told.values()):
        return None
    number = {name: value or 0 for name, value in told.items()}
    prompt, completion, total = number["prompt_tokens"], number["completion_tokens"], number["total_tokens"]
    cached, reasoning = number["cached_tokens"], number["reasoning_tokens"]
    raw = exchange["usage_raw"]
    if exchange["api"] == "messages":
        prompt += cached + number["cache_write_tokens"]
    elif exchange["api"] in {"generateContent", "streamGenerateContent"}:
        prompt += raw.get("toolUsePromptTokenCount") or 0
        completion += reasoning
    elif told["prompt_tokens"] is None and told["completion_tokens"] is None:
        prompt = total
    if isinstance(raw, dict):  # two names that the file's `usage` leaves out
        cached = cached or raw.get("num_cached_tokens") or 0
        reasoning = reasoning or (raw.get("tokens") or {}).get("reasoning_tokens") or 0
    beyond = max(0, total - prompt - completion)
    if exchange["api"].startswith("audio."):
        prompt += beyond
    else:
        completion += beyond
        reasoning = max(reasoning, beyond)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=min(cached, prompt),
        reasoning_tokens=min(reasoning, completion),
        cache_write_tokens=min(number["cache_write_tokens"], prompt),
    )


def body_bytes(exchange):
    body = exchange["response"]["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def read(api, pieces):
    reader = UsageReader(api)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


def cut_at_random(body, rng, longest):
    pieces = []
    while body:
        length = rng.randint(1, longest)
        pieces.append(body[:length])
        body = body[length:]
    return pieces


def test_the_file_is_the_one_that_is_meant(exchanges):
    assert len(exchanges) > 800
    assert sum(reported(exchange) is not None for exchange in exchanges) > 700


def test_whole_answers(exchanges):
    wrong = [
        (exchange["id"], exchange["api"], exchange["provider"])
        for exchange in exchanges
        if not exchange["stream"]
        and usage_from_response(exchange["api"], exchange["response"]["body"]) != reported(exchange)
    ]
    assert wrong == []


@pytest.mark.parametrize("cut", ["at once", "every byte", "up to 60 bytes", "up to 4000 bytes"])
def test_bodies_cut_anywhere(exchanges, cut):
    rng = random.Random(20)
    wrong = []
    for exchange in exchanges:
        body = body_bytes(exchange)
        if cut == "at once":
            pieces = [body]
        elif cut == "every byte":
            pieces = [body[at : at + 1] for at in range(len(body))]
        else:
            pieces = cut_at_random(body, rng, int(cut.split()[2]))
        if read(exchange["api"], pieces) != reported(exchange):
            wrong.append((exchange["id"], exchange["api"], exchange["provider"]))
    assert wrong == []


def test_large_bodies_are_read_like_small_ones(exchanges, monkeypatch):
    """With the limit at 64 bytes nearly everything goes the way of the large."""
    monkeypatch.setattr("llm_tracker.usage.stream._MAX_PARSED", 64)
    rng = random.Random(21)
    wrong = [
        (exchange["id"], exchange["api"], exchange["provider"])
        for exchange in exchanges
        if read(exchange["api"], cut_at_random(body_bytes(exchange), rng, 500)) != reported(exchange)
    ]
    assert wrong == []


def test_line_ends_do_not_matter(exchanges):
    for line_end in (b"\r\n", b"\r"):
        for exchange in exchanges:
            if exchange["stream"]:
                body = body_bytes(exchange).replace(b"\r\n", b"\n").replace(b"\n", line_end)
                assert read(exchange["api"], [body[:1001], body[1001:]]) == reported(exchange), exchange["id"]


def test_the_raw_object_is_kept(exchanges):
    for exchange in exchanges:
        body = exchange["response"]["body"]
        if reported(exchange) and not exchange["stream"]:
            usage = usage_from_response(exchange["api"], body)
            assert usage is not None
            told = body.get("usage") or body.get("usageMetadata")
            if told:
                assert usage.raw == told, exchange["id"]
