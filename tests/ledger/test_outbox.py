"""Events: written with what they tell, consumed once and in order, tried again, given up with words."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from daybook.kit.errors import Conflict, NotFound
from daybook.ledger.outbox import delivery, service
from daybook.ledger.outbox.delivery import MOST_ATTEMPTS, deliver, deliver_next, note_unknown, pause_after
from daybook.ledger.outbox.errors import Undeliverable
from daybook.ledger.outbox.handlers import Handler, Handlers
from daybook.ledger.outbox.schemas import EventFilter, NewEvent
from support.ledger.outbox import Outbox, Told, leave_effect, told


@pytest_asyncio.fixture
async def outbox(database):
    outbox = Outbox(database)
    await outbox.prepare()
    return outbox


# Publishing


async def test_an_event_is_there_exactly_when_its_transaction_was_committed(outbox):
    async with outbox.database.write() as session:
        await service.publish(session, NewEvent("told", "lost", "thing:1", Told()))
        await session.rollback()
    assert await outbox.publish("kept") is not None

    assert await outbox.deliver_all(told()) == ["consumed"]
    assert await outbox.effects() == ["kept"]
    row = await outbox.row("kept")
    assert (row["status"], row["attempts"], row["error"]) == ("consumed", 1, None)
    assert row["consumed_at"] >= row["created_at"]


async def test_a_key_is_published_once_within_its_type(outbox):
    first = await outbox.publish("k", number=1)
    assert await outbox.publish("k", number=2) is None
    await outbox.put("another", "k", {})

    await outbox.deliver_all(told())
    assert await outbox.publish("k", number=3) is None  # consumed, and still known
    assert await outbox.effects() == ["k"]
    row = await outbox.sql("SELECT payload FROM outbox_events WHERE id = :id", id=first)
    assert row[0]["payload"] == {"number": 1}


async def test_text_that_postgresql_cannot_store_is_escaped(outbox):
    await outbox.publish("k", said=["a\x00b", {"n\x00": "c"}])
    assert (await outbox.row("k"))["payload"]["said"] == [r"a\u0000b", {r"n\u0000": "c"}]


# Order


async def test_events_of_one_aggregate_wait_for_the_one_that_failed_and_others_do_not(outbox):
    broken = {"a1"}

    async def handle(session, event, said):
        await leave_effect(session, event, said)
        if event.key in broken:
            raise RuntimeError("not today")

    for key, aggregate in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")):
        await outbox.publish(key, aggregate=aggregate)
    assert await outbox.deliver_all(told(handle)) == ["retried", "consumed"]
    assert await outbox.effects() == ["b1"]

    broken.clear()
    await outbox.make_due()
    await outbox.deliver_all(told(handle))
    assert await outbox.effects() == ["b1", "a1", "a2", "a3"]


async def test_a_dead_event_lets_the_later_ones_of_its_aggregate_go_on(outbox):
    await outbox.put("told", "bad", {"number": "many"})
    await outbox.publish("good")
    assert await outbox.deliver_all(told()) == ["dead", "consumed"]
    assert await outbox.effects() == ["good"]


async def test_several_workers_consume_each_event_once_and_in_order(outbox):
    aggregates, each = 7, 12
    for number in range(aggregates * each):
        await outbox.publish(f"{number % aggregates}-{number}", aggregate=f"thing:{number % aggregates}")

    busy = 0
    most = 0

    async def handle(session, event, said):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.002)
        await leave_effect(session, event, said)
        busy -= 1

    stop = asyncio.Event()
    workers = [asyncio.create_task(deliver(outbox.database, told(handle), stop)) for _ in range(4)]
    for _ in range(200):
        await asyncio.sleep(0.05)
        if len(await outbox.effects()) == aggregates * each:
            break
    stop.set()
    await asyncio.gather(*workers)

    effects = await outbox.effects()
    assert sorted(effects) == sorted({*effects})
    assert len(effects) == aggregates * each
    for aggregate in range(aggregates):
        numbers = [int(key.partition("-")[2]) for key in effects if key.startswith(f"{aggregate}-")]
        assert numbers == sorted(numbers)
    assert most > 1  # they did work side by side


async def test_an_event_that_a_worker_is_at_is_passed_by(outbox):
    await outbox.publish("slow", aggregate="a")
    await outbox.publish("next", aggregate="a")
    await outbox.publish("other", aggregate="b")
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def wait(session, event, said):
        await leave_effect(session, event, said)
        entered.set()
        await go_on.wait()

    first = asyncio.create_task(deliver_next(outbox.database, told(wait)))
    await entered.wait()
    assert await outbox.deliver_all(told()) == ["consumed"]
    assert await outbox.effects() == ["other"]
    go_on.set()
    assert await first == "consumed"
    await outbox.deliver_all(told())
    assert sorted(await outbox.effects()) == ["next", "other", "slow"]


# Failure


async def test_what_a_failed_handler_did_is_taken_back_and_tried_again_later(outbox):
    async def fail(session, event, said):
        await leave_effect(session, event, said)
        raise RuntimeError("the disk of \x00 is full")

    await outbox.publish("k")
    before = (await outbox.row("k"))["next_attempt_at"]
    assert await outbox.deliver_all(told(fail)) == ["retried"]
    row = await outbox.row("k")
    assert (row["status"], row["attempts"]) == ("pending", 1)
    assert row["error"] == r"RuntimeError: the disk of \u0000 is full"
    assert row["next_attempt_at"] > before
    assert await outbox.effects() == []

    await outbox.make_due()
    assert await outbox.deliver_all(told()) == ["consumed"]
    row = await outbox.row("k")
    assert (row["attempts"], row["error"]) == (2, None)
    assert await outbox.effects() == ["k"]


async def test_pauses_double_up_to_the_longest_and_differ():
    for attempts, seconds in ((1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (40, 300)):
        pauses = {pause_after(attempts) for _ in range(50)}
        assert all(0.75 * seconds <= pause <= 1.25 * seconds for pause in pauses)
        assert len(pauses) > 40


async def test_an_event_that_fails_again_and_again_is_dead_in_the_end(outbox):
    async def fail(session, event, said):
        raise RuntimeError("never")

    await outbox.publish("k")
    outcomes = []
    for _ in range(MOST_ATTEMPTS):
        outcomes += await outbox.deliver_all(told(fail))
        await outbox.make_due()
    assert outcomes == ["retried"] * (MOST_ATTEMPTS - 1) + ["dead"]
    row = await outbox.row("k")
    assert (row["status"], row["attempts"]) == ("dead", MOST_ATTEMPTS)
    assert row["error"] == f"Given up after {MOST_ATTEMPTS} attempts. RuntimeError: never"


@pytest.mark.parametrize("payload", [{"number": "sk-secret"}, [], "text", None, {"number": 1.5}])
async def test_a_malformed_payload_is_dead_at_once_and_its_words_name_no_value(outbox, payload):
    await outbox.put("told", "k", payload)
    assert await outbox.deliver_all(told()) == ["dead"]
    row = await outbox.row("k")
    assert row["attempts"] == 1
    assert row["error"].startswith("The payload is malformed. ")
    assert "sk-secret" not in row["error"]
    assert await outbox.effects() == []


async def test_a_handler_can_say_that_trying_again_would_not_help(outbox):
    async def refuse(session, event, said):
        await leave_effect(session, event, said)
        raise Undeliverable("There is no such thing.")

    await outbox.publish("k")
    assert await outbox.deliver_all(told(refuse)) == ["dead"]
    assert (await outbox.row("k"))["error"] == "There is no such thing."
    assert await outbox.effects() == []


async def test_what_the_database_refuses_is_told_without_the_values_in_its_detail(outbox):
    await outbox.sql("CREATE TABLE once (word TEXT UNIQUE)")
    await outbox.sql("INSERT INTO once VALUES ('private')")

    async def clash(session, event, said):
        await session.execute(text("INSERT INTO once VALUES ('private')"))

    async def swallow(session, event, said):
        with contextlib.suppress(DBAPIError):  # and goes on in a transaction that is over
            await clash(session, event, said)

    for handle in (clash, swallow):
        await outbox.sql("DELETE FROM outbox_events")
        await outbox.publish("k")
        assert await outbox.deliver_all(told(handle)) == ["retried"]
        row = await outbox.row("k")
        assert row["attempts"] == 1
        assert row["error"].startswith("The database refuses: ")
        assert "private" not in row["error"]


async def test_a_handler_that_hangs_is_given_up_and_counted(outbox, monkeypatch):
    monkeypatch.setattr(delivery, "_TIME_LIMIT", 0.1)

    async def hang(session, event, said):
        await leave_effect(session, event, said)
        await asyncio.sleep(30)

    await outbox.publish("k")
    assert await outbox.deliver_all(told(hang)) == ["retried"]
    assert "took longer" in (await outbox.row("k"))["error"]
    assert await outbox.effects() == []


async def test_a_connection_that_breaks_undoes_the_attempt(outbox):
    async def cut(session, event, said):
        await leave_effect(session, event, said)
        await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    await outbox.publish("k")
    assert await outbox.deliver_all(told(cut)) == ["retried"]
    assert await outbox.effects() == []
    assert (await outbox.row("k"))["attempts"] == 1
    await outbox.make_due()
    assert await outbox.deliver_all(told()) == ["consumed"]
    assert await outbox.effects() == ["k"]


async def test_a_failure_is_not_counted_against_what_has_become_of_the_event_since(outbox):
    """While a failure is noted, another worker may have consumed the event."""
    event_id = await outbox.publish("k")

    async def fail(session, event, said):
        await session.rollback()
        assert await outbox.deliver_all(told()) == ["consumed"]
        raise RuntimeError("too late")

    await deliver_next(outbox.database, told(fail))
    row = await outbox.row("k")
    assert (row["id"], row["status"], row["attempts"], row["error"]) == (event_id, "consumed", 1, None)
    assert await outbox.effects() == ["k"]


# Types and versions


async def test_what_this_program_does_not_know_is_left_for_one_that_does(outbox):
    await outbox.publish("newer", version=2)
    await outbox.put("another", "strange", {}, aggregate="b")
    await outbox.publish("after", aggregate="thing:1")
    assert await outbox.deliver_all(told()) == []  # `after` waits for `newer`, which is about the same
    await note_unknown(outbox.database, told())
    assert (await outbox.row("newer"))["error"] is None  # it may be on its way to another worker

    await outbox.sql("UPDATE outbox_events SET created_at = now() - interval '1 minute'")
    await note_unknown(outbox.database, told())
    for key in ("newer", "strange"):
        row = await outbox.row(key)
        assert (row["status"], row["attempts"]) == ("pending", 0)
        assert "newer one" in row["error"]
    assert (await outbox.row("after"))["error"] is None

    both = Handlers([Handler("told", version, Told, leave_effect) for version in (1, 2)])
    assert await outbox.deliver_all(both) == ["consumed", "consumed"]
    assert await outbox.effects() == ["newer", "after"]


def test_one_type_and_version_has_one_handler():
    with pytest.raises(ValueError, match="told version 1"):
        Handlers([Handler("told", 1, Told, leave_effect)] * 2)


# Trying again


async def test_a_dead_event_is_tried_again_when_an_administrator_says_so(outbox):
    event_id = await outbox.put("told", "k", {"number": "many"})
    other = await outbox.put("told", "l", {"number": "many"}, aggregate="b")
    await outbox.deliver_all(told())
    await outbox.sql("UPDATE outbox_events SET payload = '{}'")

    async with outbox.database.write() as session:
        answer = await service.retry(session, event_id)
    assert (answer.status, answer.attempts, answer.error) == ("pending", 0, None)
    assert await outbox.deliver_all(told()) == ["consumed"]
    async with outbox.database.write() as session:
        assert await service.retry_dead(session) == 1
        assert await service.retry_dead(session) == 0
    assert await outbox.deliver_all(told()) == ["consumed"]
    assert await outbox.effects() == ["k", "l"]

    async with outbox.database.write() as session:
        with pytest.raises(Conflict):
            await service.retry(session, other)
        with pytest.raises(NotFound):
            await service.retry(session, other + 1)


async def test_an_event_that_waits_for_its_next_attempt_can_be_hurried(outbox):
    async def fail(session, event, said):
        raise RuntimeError

    event_id = await outbox.publish("k")
    await outbox.deliver_all(told(fail))
    assert await outbox.deliver_all(told()) == []
    async with outbox.database.write() as session:
        await service.retry(session, event_id)
    assert await outbox.deliver_all(told()) == ["consumed"]


async def test_the_state_and_the_list_say_what_waits_and_what_is_dead(outbox):
    await outbox.put("told", "bad", {"number": "many"}, aggregate="a")
    await outbox.publish("good", aggregate="b")
    await outbox.deliver_all(told())
    await outbox.put("another", "waits", {}, aggregate="c")

    async with outbox.database.read() as session:
        state = await service.state(session)
        page = await service.event_page(session, EventFilter(), page_size=2)
        dead = await service.event_page(session, EventFilter(status="dead"))
        another = await service.event_page(session, EventFilter(type="another"))
    assert (state.pending, state.dead) == (1, 1)
    assert state.oldest_pending_at == (await outbox.row("waits"))["created_at"]
    assert ([event.key for event in page.list], page.total, page.has_more) == (["waits", "good"], 3, True)
    assert [event.key for event in dead.list] == ["bad"]
    assert [event.key for event in another.list] == ["waits"]


# The loop


async def test_an_event_is_consumed_within_a_second_and_the_loop_survives_anything(outbox, monkeypatch):
    monkeypatch.setattr(delivery, "_AFTER_FAILURE", 0.05)
    calls = 0
    deliver_one = delivery.deliver_next

    async def unlucky(database, handlers):
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("the database is away")
        return await deliver_one(database, handlers)

    monkeypatch.setattr(delivery, "deliver_next", unlucky)
    stop = asyncio.Event()
    worker = asyncio.create_task(deliver(outbox.database, told(), stop))
    await asyncio.sleep(0.3)
    await outbox.publish("k")
    while (await outbox.row("k"))["status"] != "consumed":
        await asyncio.sleep(0.02)
    stop.set()
    await asyncio.wait_for(worker, 2)
    row = await outbox.row("k")
    assert row["consumed_at"] - row["created_at"] < timedelta(seconds=1)
