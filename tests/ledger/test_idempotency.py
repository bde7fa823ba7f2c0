"""Idempotency keys across processes: one makes the call, the others get its answer."""

import asyncio

import pytest
from sqlalchemy import text

from daybook.db.engine import Database
from daybook.kit.errors import Invalid
from daybook.ledger import idempotency
from daybook.ledger.idempotency import Busy, Fresh, IdempotencyStore, Mismatch, Replay
from daybook.redaction import Redact
from llm_tracker.ids import uuid7

HEADERS = {"content-type": "text/event-stream", "x-ratelimit-remaining": "7"}
STREAM = b'data: {"a": "\xe4\xbd\xa0"}\n\ndata: [DONE]\n\n\x00\xff'


class Caller:
    """One process that makes calls under one key."""

    def __init__(self, store, code_id=1, key="k", owner="journal-1"):
        self.store, self.code_id, self.key, self.owner = store, code_id, key, owner
        self.call_id = uuid7()

    async def begin(self, request=b"{}", path="/v1/chat/completions", **more):
        begin = self.store.begin_or_wait if more else self.store.begin
        return await begin(
            self.code_id, self.key, request, path=path, call_id=self.call_id, owner=self.owner, **more
        )

    async def finish(self, body=STREAM, status=200):
        return await self.store.finish(
            self.code_id, self.key, self.call_id, status=status, headers=HEADERS, body=body
        )

    async def abandon(self):
        return await self.store.abandon(self.code_id, self.key, self.call_id)


@pytest.fixture
def store(database):
    return IdempotencyStore(database)


async def test_of_many_at_once_in_two_processes_one_makes_the_call(database, database_url):
    other = Database.connect(database_url)
    callers = [Caller(IdempotencyStore(database if n % 2 else other)) for n in range(24)]
    outcomes = await asyncio.gather(*(caller.begin() for caller in callers))
    await other.close()

    (first,) = [caller for caller, outcome in zip(callers, outcomes, strict=True) if outcome == Fresh()]
    assert {outcome for outcome in outcomes if outcome != Fresh()} == {Busy(first.call_id, "journal-1")}


async def test_the_answer_comes_again_byte_for_byte(store):
    first = Caller(store)
    assert await first.begin() == Fresh()
    assert await first.finish()
    assert await Caller(store, owner="journal-2").begin() == Replay(first.call_id, 200, HEADERS, STREAM)
    assert await Caller(store).begin() == Replay(first.call_id, 200, HEADERS, STREAM)


async def test_another_body_or_path_is_a_mismatch_and_another_code_or_key_a_call_of_its_own(store):
    first = Caller(store)
    await first.begin()
    for _ in range(2):
        assert await Caller(store).begin(b"{ }") == Mismatch(first.call_id)
        assert await Caller(store).begin(path="/v1/responses") == Mismatch(first.call_id)
        await first.finish()
    assert await Caller(store, code_id=2).begin() == Fresh()
    assert await Caller(store, key="K").begin() == Fresh()


async def test_a_repeat_waits_for_the_first_to_end(store):
    first = Caller(store)
    await first.begin()
    waiting = asyncio.create_task(Caller(store).begin(seconds=10))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await first.finish()
    assert isinstance(await asyncio.wait_for(waiting, 2), Replay)


async def test_a_repeat_does_not_wait_for_ever(store):
    first = Caller(store)
    await first.begin()
    assert await Caller(store).begin(seconds=0.2) == Busy(first.call_id, "journal-1")


async def test_where_the_first_was_not_made_one_who_waits_makes_it(store):
    first = Caller(store)
    await first.begin()
    others = [asyncio.create_task(Caller(store).begin(seconds=1)) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert await first.abandon()
    outcomes = [type(outcome) for outcome in await asyncio.gather(*others)]
    assert sorted(outcomes, key=str) == [Busy, Busy, Fresh]


async def test_the_open_keys_of_a_dead_process_are_given_back_and_its_answers_stay(store):
    closed, opened = Caller(store, key="closed"), Caller(store, key="open")
    alive = Caller(store, key="alive", owner="journal-2")
    for caller in (closed, opened, alive):
        await caller.begin()
    await closed.finish()

    assert await store.abandon_all_of("journal-1") == 1
    assert isinstance(await Caller(store, key="closed").begin(), Replay)
    assert isinstance(await Caller(store, key="alive").begin(), Busy)
    again = Caller(store, key="open", owner="journal-2")
    assert await again.begin() == Fresh()
    # The first one was not dead after all: its answer does not take the place of the second's.
    assert not await opened.finish(b"first")
    assert not await opened.abandon()
    await again.finish(b"second")
    assert (await Caller(store, key="open").begin()).body == b"second"


async def test_a_key_is_good_for_a_day(store, database):
    first = Caller(store)
    await first.begin()
    await first.finish()
    async with database.write() as session:
        days = (
            await session.execute(text("SELECT expires_at - created_at FROM idempotent_calls"))
        ).scalar_one()
        assert days == idempotency.KEPT
        await session.execute(text("UPDATE idempotent_calls SET expires_at = now() - interval '1 second'"))
    second = Caller(store)
    assert await second.begin(b"another body") == Fresh()
    assert not await first.finish()
    assert await store.sweep() == 0
    async with database.write() as session:
        await session.execute(text("UPDATE idempotent_calls SET expires_at = now() - interval '1 second'"))
    assert await store.sweep() == 1
    assert await store.sweep() == 0


async def test_a_larger_answer_than_is_kept_is_told_not_made_again(store, monkeypatch):
    monkeypatch.setattr(idempotency, "LARGEST", 10)
    first = Caller(store)
    await first.begin()
    await first.finish(b"0123456789A", status=201)
    assert await Caller(store).begin() == Replay(first.call_id, 201, HEADERS, None)


async def test_neither_key_nor_secrets_are_stored(database):
    store = IdempotencyStore(database, Redact.SECRETS)
    first = Caller(store, key="the-key-itself")
    await first.begin(b'{"secret": "in the request"}')
    await first.finish(b'{"text": "sk-proj-abcdefghijklmnopqrstuvwxyz"}')
    async with database.read() as session:
        row = str((await session.execute(text("SELECT * FROM idempotent_calls"))).one())
    assert "the-key-itself" not in row
    assert "abcdefgh" not in row
    assert "[redacted: API key]" in row


async def test_with_content_redacted_keys_are_refused_with_the_reason(database):
    store = IdempotencyStore(database, Redact.CONTENT)
    assert "DAYBOOK_REDACT=content" in store.refusal
    with pytest.raises(Invalid, match="DAYBOOK_REDACT=content"):
        await Caller(store).begin()
    assert IdempotencyStore(database).refusal is None
    assert IdempotencyStore(database, Redact.SECRETS).refusal is None
