"""Every recorded exchange whose API the gateway speaks, sent again through it.

Seen from all sides: what the provider was asked, what the caller was given, and what stands in the ledger.
"""

import asyncio
import json
from typing import Any

import pytest
import pytest_asyncio

from llm_tracker.usage import UsageReader
from support.gateway.recorded import NOTHING, Buckets, Recorded, recorded
from support.gateway.recorded_requests import APIS, Ask, Callers, is_spoken
from support.gateway.replay import Replay
from support.gateway.served import Gateway

pytestmark = pytest.mark.skipif(not recorded(), reason="the recorded exchanges are not beside this checkout")


def exchanges_of(api: str) -> list[Recorded]:
    return [exchange for exchange in recorded() if exchange.api == api and is_spoken(exchange)]


@pytest_asyncio.fixture(scope="module")
async def callers(gateways, replay):
    return Callers(gateways, replay)


@pytest.mark.parametrize("api", APIS)
async def test_every_exchange_passes_whole_and_is_in_the_ledger_once(callers, api):
    asks = [await callers.ask(exchange) for exchange in exchanges_of(api)]
    assert asks
    before = {name: await counts(gateway) for name, gateway in callers.opened.items()}
    free = asyncio.Semaphore(8)

    async def send(ask: Ask) -> None:
        async with free:
            await ask.send()

    await asyncio.gather(*map(send, asks))

    faults: list[str] = []
    for name, gateway in callers.opened.items():
        mine = [ask for ask in asks if ask.gateway is gateway]
        lines_before, logs_before = before[name]
        logs = (await gateway.logs(logs_before + len(mine)))[logs_before:]
        lines = (await gateway.lines(lines_before))[lines_before:]
        if len(logs) != len(mine) or len(lines) != (0 if api == "count_tokens" else len(mine)):
            faults.append(f"{name}: {len(mine)} calls, {len(lines)} lines, {len(logs)} call logs")
        for ask in mine:
            problems = [*passage(ask, callers.replay), *recorded_rightly(ask, lines, logs)]
            faults.extend(f"{ask.exchange}: {problem}" for problem in problems)
    assert not faults, "\n".join(faults)


async def counts(gateway: Gateway) -> tuple[int, int]:
    return len(await gateway.lines(0)), len(await gateway.logs(0))


def passage(ask: Ask, replay: Replay):
    """What is wrong with what went to the provider and what came back."""
    received = replay.received.get(ask.exchange.id, [])
    if len(received) != 1:
        yield f"the provider was asked {len(received)} times"
        return
    if received[0].path != ask.provider_path:
        yield f"the provider was asked at {received[0].path}, not {ask.provider_path}"
    if ask.gateway.code in str(received[0]):
        yield "the provider was shown the caller's code"
    usage_asked = received[0].body != ask.body
    if usage_asked:
        wanted = json.loads(ask.body)
        wanted["stream_options"] = {**(wanted.get("stream_options") or {}), "include_usage": True}
        if ask.exchange.api not in {"chat.completions", "completions"} or received[0].json != wanted:
            yield f"the provider was asked {received[0].body[:300]!r}"
    yield from answer_faults(ask, usage_hidden=usage_asked)


def answer_faults(ask: Ask, *, usage_hidden: bool):
    exchange = ask.exchange
    if exchange.status in {401, 403}:  # the administrator's key is refused, not the caller's
        if ask.status != 502 or b"upstream_auth" not in ask.answer.lower():
            yield f"a refused key became {ask.status}: {ask.answer[:200]!r}"
        return
    if ask.status != exchange.status:
        yield f"the caller got status {ask.status}"
    expected = without_usage_chunk(exchange.body) if usage_hidden else exchange.body
    if not expected and b'"error"' in ask.answer:
        return  # an empty stream is ended with an error, which tells it from an empty answer
    if ask.answer != expected:
        pairs = zip(ask.answer, expected, strict=False)
        at = next((place for place, (one, other) in enumerate(pairs) if one != other), len(expected))
        yield f"the caller got {ask.answer[at : at + 200]!r}, not {expected[at : at + 200]!r} at {at}"


def without_usage_chunk(stream: bytes) -> bytes:
    blank = b"\r\n\r\n" if b"\r\n\r\n" in stream else b"\n\n"
    return blank.join(event for event in stream.split(blank) if not is_usage_chunk(event))


def is_usage_chunk(event: bytes) -> bool:
    try:
        chunk = json.loads(event.strip().removeprefix(b"data:"))
    except ValueError:
        return False
    usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
    return chunk.get("choices") == [] and bool(usage)


def recorded_rightly(ask: Ask, lines: list[dict[str, Any]], logs: list[dict[str, Any]]):
    """What is wrong with the line and the call log."""
    exchange = ask.exchange
    if exchange.api == "count_tokens":
        log = next((log for log in logs if as_sent(log, ask)), None)
        if log is None:
            yield "no call log has its request"
            return
        if log["usage_id"] is not None or log["tokens_used"] is not None:
            yield "a count of tokens is in the ledger"
    else:
        mine = [line for line in lines if str(line["id"]) == ask.call_id]
        its_logs = [log for log in logs if str(log["usage_id"]) == ask.call_id]
        if len(mine) != 1 or len(its_logs) != 1:
            yield f"{len(mine)} lines and {len(its_logs)} call logs"
            return
        log = its_logs[0]
        yield from line_faults(ask, mine[0])
        if (log["tokens_used"], log["prompt_tokens"], log["completion_tokens"]) != (
            mine[0]["total_tokens"], mine[0]["prompt_tokens"], mine[0]["completion_tokens"],
        ):  # fmt: skip
            yield "line and call log differ in their tokens"
    if log["status"] != ("error" if exchange.failed else "success"):
        yield f"its call log says {log['status']}: {log['error_message']}"
    if exchange.failed and not log["error_message"]:
        yield "its call log does not tell the error"
    if exchange.says_something and not (log["response_content"] or "").strip():
        yield "its call log has no text"
    if exchange.status == 200 and exchange.content and log["response_data"] is None:
        yield "its call log has no answer"


def as_sent(log: dict[str, Any], ask: Ask) -> bool:
    """Whether `log` is of a call without a line: only its model and its answer tell."""
    return log["model"] == ask.model and (ask.status != 200 or log["response_data"] == ask.exchange.content)


def line_faults(ask: Ask, line: dict[str, Any]):
    exchange = ask.exchange
    if line["model"] != ask.model:
        yield f"its line says model {line['model']}"
    if line["success"] == exchange.failed:
        yield f"its line says success={line['success']}: {line['error']}"
    tokens, reported = Buckets.of(line), exchange.reported
    if exchange.status != 200:
        expected, estimated = NOTHING, False
    elif reported is None and exchange.api != "moderations":
        expected, estimated = tokens, True
        if tokens.total <= 0:
            yield "nobody told its tokens, and they were not counted"
    else:
        expected, estimated = reported or NOTHING, False
    if tokens != expected:
        yield f"its line has {tokens}, the provider told {expected}"
    if line["is_estimated"] != estimated:
        yield f"its line says is_estimated={line['is_estimated']}"
    reader = UsageReader(exchange.api)
    reader.feed(exchange.body)
    normalised = reader.finish()
    if normalised is not None and exchange.status == 200 and tokens != Buckets.of(normalised):
        yield f"its line has {tokens}, the normaliser {normalised}"
    if normalised is not None and exchange.status == 200 and not line["metadata"].get("usage"):
        yield "its line lacks the provider's usage object"
