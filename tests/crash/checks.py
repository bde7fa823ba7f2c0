"""What must be so after a storm, as sentences about what is not."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import asyncpg

from crash.callers import Receipt
from crash.plan import BUDGETED

Tokens = tuple[int, ...]
BUCKETS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")

EXPECTED = {200, 400, 502, 503, 504}
"""The statuses that a caller may see: nothing that is killed makes a code unknown (401) or Daybook fail (500)."""

NOTED = 3.0
"""Seconds after which what a stream has brought is in the journal: a second, and what a busy machine adds."""

_UNRECORDED = (b"journal_full", b"database_unavailable")
"""Refusals of which nothing is written: there is no room, or it is not known whose call it is."""

_NONE: Tokens = (0, 0, 0, 0, 0)


@dataclass(slots=True)
class Served:
    """A request as the provider's record have it."""

    status: int
    states: list[Tokens]
    whole: bool
    crc: int | None


@dataclass
class Evidence:
    """Everything that is known of the calls, from all sides."""

    receipts: list[Receipt]
    served: dict[str, list[Served]]
    lines: list[dict[str, Any]]
    logs: list[dict[str, Any]]

    @classmethod
    async def gather(
        cls, receipts: list[Receipt], record: Path, connection: asyncpg.Connection
    ) -> "Evidence":
        lines = [dict(row) for row in await connection.fetch("SELECT * FROM llm_tracker_usage")]
        for line in lines:
            line["key"] = json.loads(line["metadata"]).get("caller", {}).get("key")
        logs = [dict(row) for row in await connection.fetch("SELECT * FROM llm_call_logs")]
        return cls(receipts, _read(record), lines, logs)

    @cached_property
    def repeatable(self) -> set[str]:
        """The keys of calls with an `Idempotency-Key`."""
        return {receipt.ask.spec.key for receipt in self.receipts if receipt.ask.repeatable}

    @cached_property
    def line_of(self) -> dict[str, dict[str, Any]]:
        return {str(line["id"]): line for line in self.lines}

    @cached_property
    def log_of(self) -> dict[str, dict[str, Any]]:
        return {str(log["call_id"]): log for log in self.logs}


def problems_of(evidence: Evidence) -> Iterator[str]:
    """Every disagreement between clients, provider and ledger."""
    yield from _doubles(evidence)
    for receipt in evidence.receipts:
        yield from _received(evidence, receipt)
    yield from _repeated(evidence)
    yield from _unwritten(evidence)
    for line in evidence.lines:
        yield from _true(evidence, line)
    yield from _pairs(evidence)
    yield from _notes(evidence)


def _doubles(evidence: Evidence) -> Iterator[str]:
    once = [line["key"] for line in evidence.lines if line["key"] not in evidence.repeatable]
    for what, values in (
        ("the line", [line["id"] for line in evidence.lines]),
        ("a line of", once),
        ("the log of call", [log["call_id"] for log in evidence.logs]),
        ("the log of line", [log["usage_id"] for log in evidence.logs if log["usage_id"]]),
    ):
        for value, count in Counter(values).items():
            if count > 1:
                yield f"{what} {value} is there {count} times"


def _received(evidence: Evidence, receipt: Receipt) -> Iterator[str]:
    """What a client received is in the ledger; if it is a whole answer, as the success that it was."""
    ask, key = receipt.ask, receipt.ask.spec.key
    if receipt.status is not None and not _may_be_told(receipt):
        yield f"{key}: a client was told {receipt.status}: {receipt.body[:300]!r}"
    if not receipt.over or any(code in receipt.body.lower() for code in _UNRECORDED):
        return
    what = f"{key}: a client received {'a stream' if ask.stream else 'an answer'} of {ask.api} ({receipt.status})"
    if receipt.call_id is None:
        yield f"{what} without a call id: {receipt.body[:300]!r}"
        return
    log = evidence.log_of.get(receipt.call_id)
    if log is None:
        yield f"{what} whole, and there is no call log {receipt.call_id}"
    elif (log["status"] == "success") != receipt.succeeded:
        yield f"{what}, success={receipt.succeeded}, and the log says {log['status']}: {log['error_message']}"
    if receipt.succeeded:
        for problem in _received_whole(evidence, receipt):
            yield f"{what} {problem}"


def _received_whole(evidence: Evidence, receipt: Receipt) -> Iterator[str]:
    """A whole answer is the provider's, and a success in the ledger."""
    ask, key = receipt.ask, receipt.ask.spec.key
    if ask.stream and not receipt.terminal:
        yield "that ended as if it were whole"
    served = evidence.served.get(key, [])
    if not any(one.whole for one in served):
        yield "that the provider did not send whole"
    elif not ask.stream and receipt.crc not in {one.crc for one in served}:
        yield "of other bytes than the provider sent"
    if ask.api == "count_tokens":
        return
    call_id = receipt.replay_of or receipt.call_id or ""
    line = evidence.line_of.get(call_id)
    if line is None:
        yield f"whole, and there is no line {call_id}"
    elif line["key"] != key or not line["success"]:
        yield f"whole; its line says key={line['key']} error={line['error']}"


def _may_be_told(receipt: Receipt) -> bool:
    ask = receipt.ask
    return (
        receipt.status in EXPECTED
        or (receipt.status == 429 and ask.code == BUDGETED)
        or (receipt.status == 409 and ask.repeatable)
    )


def _repeated(evidence: Evidence) -> Iterator[str]:
    """A call under a key succeeds once; a repeat gets that answer again and is not counted."""
    successes = Counter(line["key"] for line in evidence.lines if line["success"])
    received: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in evidence.receipts:
        if receipt.succeeded:
            received[receipt.ask.spec.key].append(receipt)
    for key in evidence.repeatable:
        calls = {receipt.replay_of or receipt.call_id for receipt in received[key]}
        if successes[key] > 1:
            yield f"{key}: one Idempotency-Key, counted {successes[key]} times, received {len(received[key])} times"
        if len(calls) > 1 or len({receipt.body for receipt in received[key]}) > 1:
            yield f"{key}: repeats got the answers of several calls: {calls}"


def _unwritten(evidence: Evidence) -> Iterator[str]:
    """Every call that the provider served has a line."""
    metered = {receipt.ask.spec.key for receipt in evidence.receipts if receipt.ask.api != "count_tokens"}
    lines = Counter(line["key"] for line in evidence.lines)
    for key in metered & evidence.served.keys():
        served = evidence.served[key]
        if lines[key] < (len(served) if key in evidence.repeatable else 1):
            yield f"{key}: it has {lines[key]} lines, and the provider served it: {served}"


def _true(evidence: Evidence, line: dict[str, Any]) -> Iterator[str]:
    """A line says what the provider's record say, or is marked."""
    key, tokens = line["key"], tuple(line[name] for name in BUCKETS)
    served = evidence.served.get(key, [])
    said = f"{key}: its line says {tokens}, estimated={line['is_estimated']}, error={line['error']!r}"
    if tokens[2] != tokens[0] + tokens[1]:
        yield f"{said}: the total is not the sum"
    if line["is_estimated"]:
        if not tokens[2]:
            yield f"{said}: an estimate of nothing"
        true = not line["success"] or any(one.whole and not one.states for one in served)
    elif key in evidence.repeatable:  # each line is of one request, it is not known which
        states = [state for one in served for state in (one.states[-1:] if line["success"] else one.states)]
        true = tokens in states or (not line["success"] and not served and tokens == _NONE)
    elif line["success"]:
        reported = [one.states[-1] for one in served if one.states]
        true = bool(served) and served[-1].whole and bool(served[-1].states) and tokens == _sum(reported)
    else:
        true = tokens in _possible(served)
    if not true:
        yield f"{said}; the provider: {served}"


def _possible(served: list[Served]) -> set[Tokens]:
    """What the line of a failed call may say without being marked: what each of its requests had reported, now or
    later. A request that was answered with an error status was not worked on; any other has to have reported.
    """
    choices = [[*one.states, *([_NONE] if one.status >= 400 else [])] for one in served]
    return {_sum(list(choice)) for choice in product(*choices)}


def _pairs(evidence: Evidence) -> Iterator[str]:
    """Lines and call logs belong together."""
    logs = {log["usage_id"]: log for log in evidence.logs if log["usage_id"] is not None}
    for line in evidence.lines:
        log = logs.pop(line["id"], None)
        if log is None:
            yield f"{line['key']}: the line {line['id']} has no call log"
        elif (log["call_id"], log["tokens_used"]) != (line["id"], line["total_tokens"]):
            yield f"{line['key']}: line and call log disagree"
    for usage_id in logs:
        yield f"the call log of line {usage_id} has no line"


def _notes(evidence: Evidence) -> Iterator[str]:
    """What a stream had brought some seconds before its gateway was killed was noted."""
    for receipt in evidence.receipts:
        log = evidence.log_of.get(receipt.call_id or "")
        if receipt.broke_at is None or log is None or "killed" not in (log["error_message"] or ""):
            continue
        early = [size for moment, size in receipt.heard if moment < receipt.broke_at - NOTED]
        if not early:
            continue
        heard = [word for word in receipt.ask.spec.answer if word.encode() in receipt.body[: early[-1]]]
        missing = [word for word in heard if word not in (log["response_content"] or "")]
        if missing:
            yield f"{receipt.ask.spec.key}: heard {NOTED} s before the kill, and not noted: {missing}"


def _read(record: Path) -> dict[str, list[Served]]:
    found: dict[tuple[str, int], Served] = {}
    for line in record.read_text().splitlines():
        said = json.loads(line)
        states = [tuple(state) for state in said.get("states", ())]
        found[said["key"], said["attempt"]] = Served(
            said.get("status", 200), states, said.get("whole", False), said.get("crc")
        )
    served: dict[str, list[Served]] = defaultdict(list)
    for (key, _), one in sorted(found.items()):
        served[key].append(one)
    return dict(served)


def _sum(tokens: list[Tokens]) -> Tokens:
    return tuple(map(sum, zip(*tokens, strict=True))) if tokens else _NONE
