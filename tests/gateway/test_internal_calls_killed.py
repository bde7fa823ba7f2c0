"""A worker is killed with SIGKILL at every step of a model call that it makes for a job; another one goes on with it.

What the provider served, what the ledger says and what the job is told must fit together: an answer whose end was
written
down is given again and nothing is paid; a call that never ended is in the ledger as failed and estimated, and made
anew.

Mutations that were tried, each of which makes it fail: the step's call id noted after the call instead of before it,
the ledger not asked for what another worker began, a journal that is here not waited for, the next attempt made under
the id of the last.
"""

import asyncio
import os
import shutil
import signal

import pytest
import pytest_asyncio
from sqlalchemy import text

from daybook.gateway.internal import open_internal_client
from daybook.ledger.verification.verify import verify
from daybook.settings import Settings
from support.gateway.internal_calls import add_job, add_user, ask, said
from support.gateway.served import shipping
from support.gateway.upstream import Reply

STEP = "write"

NOT_SENT = [
    "journal.segment.after",
    "internal.begin.after",
    "budget.lease.before",
    "budget.lease.after",
    "journal.opened.before",
]
"""Killed before the journal knew of the call: it is made once."""

NEVER_CLOSED = [
    ("journal.opened.after", 1),
    ("journal.sync.before", 1),
    ("journal.sync.after", 1),
    ("while it answers", 2),
    ("journal.closed.before", 2),
]
"""Killed before the call's end was written down; and how often the provider is asked in all."""

CLOSED = [
    "journal.closed.after",
    "journal.sync.before:2",
    "journal.sync.after:2",
    "internal.finish.before",
    "internal.finish.after",
    "budget.give_back.before",
]
"""Killed after it: nobody is asked again."""


def syncs(point):
    """How journals are to be synced for somebody to come by."""
    return "disk" if point.startswith("journal.sync") else "process"


@pytest_asyncio.fixture
async def job(chat, upstream, database):
    """A job of a person with a hard budget; the provider numbers its answers."""
    await add_user(database)
    async with database.write() as session:
        await session.execute(
            text(
                'INSERT INTO budgets (subject, subject_id, period, unit, "limit", hard)'
                " VALUES ('user', 7, 'day', 'tokens', 100000, true)"
            )
        )
    upstream.reply(*(said(f"Answer {number}.") for number in range(1, 9)))
    return await add_job(database)


@pytest.fixture
def start_worker(forks, chat, database_url, job):
    """Starts a worker that makes the call; its process id."""

    async def start(*, data=None, sync="process", fault=""):
        arguments = (database_url, str(data or chat.settings.data), sync, str(job), STEP)
        return await forks.start("internal calls", *arguments, fault=fault)

    return start


@pytest.fixture
def kill_worker(forks, start_worker):
    """Lets a worker make the call until it dies at `point`."""

    async def kill(point, *, data=None):
        worker = await start_worker(data=data, sync=syncs(point), fault=point)
        assert await forks.ended(worker) == -signal.SIGKILL, f"nobody came by {point}"

    return kill


async def go_on(chat, database, database_url, job):
    """Another worker takes over, to the end; and is asked once more."""
    async with open_internal_client(chat.settings, database, database_url) as internal_client:
        answer = await asyncio.wait_for(internal_client.call(ask(), step=(job, STEP)), 30)
        again = await internal_client.call(ask(), step=(job, STEP))
        assert (again.text, again.call_id, again.reused) == (answer.text, answer.call_id, True)
        assert again.data == answer.data
        tokens, cost = await internal_client.costs(job)
    lines = await chat.lines()
    assert tokens == sum(line["total_tokens"] for line in lines)
    assert cost == sum(line["cost"] for line in lines)
    assert (await verify(database)).differences == []
    logs = await chat.rows("SELECT usage_id FROM llm_call_logs ORDER BY call_time")
    assert [log["usage_id"] for log in logs] == [line["id"] for line in lines]
    return answer, lines


@pytest.mark.parametrize("point", NOT_SENT)
async def test_a_call_that_was_not_sent_is_made_once(
    chat, upstream, database, database_url, job, kill_worker, point
):
    await kill_worker(point)
    assert upstream.received == []
    answer, (line,) = await go_on(chat, database, database_url, job)
    assert (answer.text, answer.reused, len(upstream.received)) == ("Answer 1.", False, 1)
    assert (line["id"], line["success"], line["is_estimated"]) == (answer.call_id, True, False)


@pytest.mark.parametrize(("point", "served"), NEVER_CLOSED)
async def test_a_call_that_never_ended_is_in_the_ledger_and_made_again(
    chat, upstream, database, database_url, job, forks, start_worker, kill_worker, point, served
):
    if point == "while it answers":
        upstream.reply(Reply(delay=60), said("Answer 2."))
        worker = await start_worker()
        async with asyncio.timeout(60):
            while not upstream.received:
                await asyncio.sleep(0.02)
        os.kill(worker, signal.SIGKILL)
        assert await forks.ended(worker) == -signal.SIGKILL
    else:
        await kill_worker(point)
    answer, lines = await go_on(chat, database, database_url, job)
    assert (answer.text, answer.reused, len(upstream.received)) == (f"Answer {served}.", False, served)
    failed, succeeded = lines
    assert (failed["success"], failed["is_estimated"]) == (False, True)
    assert 0 < failed["total_tokens"] < 1000
    assert (succeeded["id"], succeeded["success"]) == (answer.call_id, True)
    assert [line["metadata"]["attempt"] for line in lines] == [1, 2]
    assert {line["metadata"]["source_task_id"] for line in lines} == {str(job)}


@pytest.mark.parametrize("point", CLOSED)
async def test_an_answer_whose_end_was_written_down_is_never_paid_for_again(
    chat, upstream, database, database_url, job, kill_worker, point
):
    await kill_worker(point)
    assert len(upstream.received) == 1
    answer, (line,) = await go_on(chat, database, database_url, job)
    assert (answer.text, answer.reused, len(upstream.received)) == ("Answer 1.", True, 1)
    assert (line["id"], line["total_tokens"]) == (answer.call_id, answer.usage.total_tokens)
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize("point", ["journal.closed.after", "internal.finish.before"])
async def test_an_answer_that_is_in_a_dead_workers_journal_is_waited_for(
    chat, upstream, database, database_url, job, kill_worker, point, tmp_path
):
    settings = Settings(data=tmp_path / "another host")
    settings.data.mkdir()
    shutil.copy(chat.settings.data / "secret.key", settings.data)
    await kill_worker(point, data=settings.data)
    async with open_internal_client(settings, database, database_url) as internal_client:
        asked = asyncio.create_task(internal_client.call(ask(), step=(job, STEP)))
        await asyncio.sleep(1)
        assert not asked.done()
        async with shipping(settings, database, database_url):
            answer = await asyncio.wait_for(asked, 30)
    assert (answer.text, answer.reused, len(upstream.received)) == ("Answer 1.", True, 1)


async def test_a_worker_may_be_killed_again_and_again(
    chat, upstream, database, database_url, job, kill_worker
):
    for point in (
        "journal.closed.before",
        "journal.opened.after",
        "internal.begin.after",
        "journal.closed.before",
    ):
        await kill_worker(point)
    answer, lines = await go_on(chat, database, database_url, job)
    assert (answer.text, len(upstream.received)) == ("Answer 3.", 3)
    assert [line["success"] for line in lines] == [False, False, False, True]
