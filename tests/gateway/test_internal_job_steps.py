"""Model calls that are steps of jobs: asked once, and given again for nothing."""

import asyncio
import json
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from daybook.gateway.internal import open_internal_client, recovery
from daybook.gateway.internal.call_ids import call_id_of
from daybook.jobs import call_steps
from daybook.kit.errors import NotFound, Unavailable, Upstream
from daybook.settings import Settings
from llm_tracker.ids import uuid7
from support.gateway.internal_calls import add_job, add_user, ask, said
from support.gateway.upstream import Reply


@pytest_asyncio.fixture
async def internal_client(chat, database, database_url):
    """Internal calls beside the gateway, with `upstream` as the provider."""
    await add_user(database)
    async with open_internal_client(chat.settings, database, database_url) as internal_client:
        yield internal_client


@pytest_asyncio.fixture
async def job(internal_client, database):
    return await add_job(database)


async def steps(chat):
    return await chat.rows("SELECT * FROM job_steps ORDER BY name")


async def begun_by_another(chat, job, **note):
    """A step that another worker began, and of which nothing more is known."""
    async with chat.database.write() as session:
        await session.execute(
            text(
                "INSERT INTO job_steps (job_id, name, attempt, call_id, result)"
                " VALUES (:job, 'call:write', 1, :call, cast(:note AS jsonb))"
            ),
            {"job": job, "call": call_id_of(job, "write", 1), "note": json.dumps(note)},
        )


def test_ids_are_of_job_step_and_attempt():
    job = uuid7()
    ids = {call_id_of(job, step, attempt) for step in ("a", "b") for attempt in (1, 2)}
    assert len(ids) == 4
    assert call_id_of(job, "a", 1) in ids
    for one in ids:
        assert (one.version, one.variant, one.int >> 80) == (7, job.variant, job.int >> 80)


async def test_a_step_is_asked_once(internal_client, chat, upstream, job):
    upstream.reply(said("One."), said("Two."))
    first = await internal_client.call(ask(), step=(job, "write"))
    again = await internal_client.call(ask(), step=(job, "write"))
    other = await internal_client.call(ask(), step=(job, "check"))
    assert (first.text, first.reused, first.call_id) == ("One.", False, call_id_of(job, "write", 1))
    assert (again.text, again.reused, again.call_id) == ("One.", True, first.call_id)
    assert (again.usage, again.data, again.model) == (first.usage, first.data, first.model)
    assert (other.text, other.reused) == ("Two.", False)
    assert len(upstream.received) == 2
    lines = await chat.lines(2)
    assert {line["metadata"]["node_name"] for line in lines} == {"write", "check"}
    assert await internal_client.costs(job) == (100, sum(line["cost"] for line in lines))


async def test_a_jobs_own_steps_may_have_the_same_name(internal_client, chat, upstream, job):
    upstream.reply(said())
    async with chat.database.write() as session:
        await session.execute(
            text("INSERT INTO job_steps (job_id, name, finished_at) VALUES (:job, 'write', now())"),
            {"job": job},
        )
    assert not (await internal_client.call(ask(), step=(job, "write"))).reused


async def test_what_failed_is_asked_anew(internal_client, chat, upstream, job):
    upstream.reply(Reply(500, body={"error": {"message": "oops"}}), said("Two."))
    with pytest.raises(Upstream):
        await internal_client.call(ask(), step=(job, "write"))
    answer = await internal_client.call(ask(), step=(job, "write"))
    assert (answer.text, answer.reused, answer.call_id) == ("Two.", False, call_id_of(job, "write", 2))
    assert [line["success"] for line in await chat.lines(2)] == [False, True]
    (step,) = await steps(chat)
    assert (step["attempt"], step["finished_at"] is not None) == (2, True)


async def test_what_failed_elsewhere_is_looked_up_in_the_ledger(chat, upstream, database, database_url):
    await add_user(database)
    job = await add_job(database)
    upstream.reply(Reply(500, body={"error": {"message": "oops"}}), said("Two."))
    async with open_internal_client(chat.settings, database, database_url) as internal_client:
        with pytest.raises(Upstream):
            await internal_client.call(ask(), step=(job, "write"))
    async with open_internal_client(chat.settings, database, database_url) as internal_client:
        assert (await internal_client.call(ask(), step=(job, "write"))).text == "Two."
    assert len(await chat.lines(2)) == 2


async def test_an_answer_that_could_not_be_kept_is_read_in_the_ledger(
    chat, upstream, database, database_url, monkeypatch
):
    await add_user(database)
    job = await add_job(database)
    upstream.reply(said("一天。\0 End."))

    async def away(*_args, **_kwargs):
        raise OSError("the database is away")

    async with open_internal_client(chat.settings, database, database_url) as internal_client:
        monkeypatch.setattr("daybook.jobs.call_steps.finish", away)
        first = await internal_client.call(ask(), step=(job, "write"))
        monkeypatch.undo()
        again = await internal_client.call(ask(), step=(job, "write"))
    assert (again.text, again.data, again.reused) == (first.text, first.data, True)
    assert again.usage == first.usage
    assert len(upstream.received) == 1
    (step,) = await steps(chat)
    assert step["finished_at"] is not None


async def test_with_content_redacted_the_step_is_the_only_memory(chat, upstream, database, database_url):
    await add_user(database)
    job = await add_job(database)
    settings = Settings(data=chat.settings.data, redact="content")
    upstream.reply(said("One."), said("Two."), said("Three."))
    async with open_internal_client(settings, database, database_url) as internal_client:
        await internal_client.call(ask(), step=(job, "write"))
        assert (await internal_client.call(ask(), step=(job, "write"))).text == "One."
        async with database.write() as session:
            await session.execute(text("UPDATE job_steps SET finished_at = NULL, result = '{}'"))
        await chat.lines()
        answer = await internal_client.call(ask(), step=(job, "write"))
        assert (answer.text, answer.call_id) == ("Two.", call_id_of(job, "write", 2))


async def test_two_workers_at_one_step_make_one_call_or_wait(chat, upstream, database, database_url):
    await add_user(database)
    job = await add_job(database)
    upstream.reply(Reply(body=said("One.").body, delay=0.5), said("Two."))
    async with (
        open_internal_client(chat.settings, database, database_url) as one,
        open_internal_client(chat.settings, database, database_url) as other,
    ):
        answers = await asyncio.gather(
            *(client.call(ask(), step=(job, "write")) for client in (one, other)),
            return_exceptions=True,
        )
    assert len(upstream.received) == 1
    told = [one for one in answers if not isinstance(one, Unavailable)]
    assert {answer.text for answer in told} == {"One."}
    assert len(await chat.lines()) == 1


async def test_work_that_was_stopped_before_its_call_began_is_begun_anew(
    internal_client, chat, upstream, job, monkeypatch
):
    real = call_steps.begin

    async def stopped(*args, **kwargs):
        await real(*args, **kwargs)
        await args[0].commit()
        raise asyncio.CancelledError

    upstream.reply(said())
    monkeypatch.setattr(call_steps, "begin", stopped)
    with pytest.raises(asyncio.CancelledError):
        await internal_client.call(ask(), step=(job, "write"))
    monkeypatch.undo()
    async with asyncio.timeout(5):
        assert (await internal_client.call(ask(), step=(job, "write"))).call_id == call_id_of(job, "write", 2)


async def test_a_call_that_is_under_way_in_this_process_is_waited_for(internal_client, chat, upstream, job):
    upstream.reply(Reply(body=said("One.").body, delay=0.5), said("Two."))
    first = asyncio.create_task(internal_client.call(ask(), step=(job, "write")))
    while not upstream.received:
        await asyncio.sleep(0.01)
    again = await internal_client.call(ask(), step=(job, "write"))
    assert (again.text, again.reused, (await first).text) == ("One.", True, "One.")
    assert len(upstream.received) == 1


async def test_a_journal_that_is_here_and_not_shipped_is_waited_for(
    internal_client, chat, upstream, job, monkeypatch
):
    monkeypatch.setattr(recovery, "FROM_HERE", 0.3)
    upstream.reply(said())
    folder = chat.settings.data / "journal" / "of-another"
    folder.mkdir()
    here = recovery.JournalLocation.here(chat.settings.data / "journal", "of-another")
    await begun_by_another(chat, job, **here.as_json())
    with pytest.raises(Unavailable) as waiting:
        await internal_client.call(ask(), step=(job, "write"))
    assert waiting.value.code == "call_not_shipped"
    assert upstream.received == []
    folder.rmdir()
    assert (await internal_client.call(ask(), step=(job, "write"))).call_id == call_id_of(job, "write", 2)


async def test_a_journal_of_another_host_is_waited_for_a_while(
    internal_client, chat, upstream, job, monkeypatch
):
    monkeypatch.setattr(recovery, "FROM_ELSEWHERE", 0.3)
    upstream.reply(said())
    await begun_by_another(chat, job, host="elsewhere", folder="/data/journal", journal="x")
    began = asyncio.get_running_loop().time()
    assert (await internal_client.call(ask(), step=(job, "write"))).call_id == call_id_of(job, "write", 2)
    assert asyncio.get_running_loop().time() - began > 0.3


async def test_an_id_that_is_in_the_ledger_is_given_to_no_other_call(internal_client, chat, upstream, job):
    upstream.reply(said("One."), said("Two."))
    await internal_client.call(ask(), step=(job, "write"))
    async with chat.database.write() as session:
        await session.execute(text("DELETE FROM job_steps"))
    answer = await internal_client.call(ask(), step=(job, "write"))
    assert answer.call_id == call_id_of(job, "write", 2)
    assert len(await chat.lines(2)) == 2
    assert (await internal_client.costs(job))[0] == 100


async def test_costs_of_a_job_without_calls_are_none(internal_client, job):
    assert await internal_client.costs(job) == (0, 0)


async def test_costs_are_unknown_where_a_price_is(internal_client, upstream, job):
    upstream.reply(said(model="of-unknown-price"))
    await internal_client.call(ask(model="of-unknown-price"), step=(job, "write"))
    assert await internal_client.costs(job) == (50, None)


async def test_a_job_that_is_not_there(internal_client, upstream):
    upstream.reply(said())
    with pytest.raises(NotFound):
        await internal_client.call(ask(), step=(uuid4(), "write"))
    assert upstream.received == []


async def test_a_name_that_is_too_long(internal_client, job):
    with pytest.raises(ValueError, match="120"):
        await internal_client.call(ask(), step=(job, "x" * 121))
