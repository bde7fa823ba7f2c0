"""What can go wrong with a page: each is said plainly, the job fails with it, and the page stays as it was."""

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from daybook.gateway.internal import InternalClient
from daybook.jobs import service as jobs
from daybook.settings import Settings
from support.gateway.known import Budgets, read_providers
from support.gateway.upstream import Reply
from support.lifelog.diary import DAY, Author, add_model, open_diary, page, sentence

QUICK = '{"retries": 0, "first_byte_timeout": 0.3, "connect_timeout": 0.3}'


@pytest_asyncio.fixture
async def author():
    server = Author()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data", diary_model="author")


@pytest_asyncio.fixture
async def diary(database, database_url, settings, author):
    """A diary with a page."""
    await add_model(database, settings, author.url + "/v1", limits=QUICK)
    async with open_diary(database, database_url, settings) as diary:
        await diary.event("09:00", "Tea with Ben.")
        await diary.written()
        yield diary


async def fails(diary, *, force=True):
    """The job that failed; the page is as it was, and says so."""
    before = await diary.page()
    await diary.ask(force=force)
    (job,) = await diary.work()
    assert job.status == "failed", job.metrics
    after = await diary.page()
    assert (after.content, after.version, after.citations) == (before.content, 1, before.citations)
    assert (after.job.id, after.job.error_code) == (job.id, job.error_code)
    assert "sk-author-secret" not in job.error_message
    return job


async def test_a_budget_says_which_how_much_and_until_when(diary, author):
    await Budgets(diary.resources, "user", diary.user.id).add(60)
    job = await fails(diary)

    assert job.error_code == "budget_reached"
    assert "60 tokens" in job.error_message
    assert "resets at" in job.error_message
    details = job.error_details
    assert details.pop("resets_at").endswith("T00:00:00+00:00")
    assert details.pop("held") >= 0
    assert details.pop("amount") > 60
    assert details == {
        "subject": "user",
        "period": "day",
        "unit": "tokens",
        "limit": 60,
        "used": details["used"],
    }
    assert job.attempts == 1
    assert len(author.received) == 1


async def test_a_bad_key_is_said_at_once(diary, author):
    author.usually = Reply(401, {"error": {"message": "bad key sk-author-secret"}})
    job = await fails(diary)

    assert (job.error_code, job.error_details) == ("upstream_auth", {"provider": "of author"})
    assert job.attempts == 1


async def test_a_provider_that_is_down_is_tried_several_times(diary, author):
    await author.stop()
    job = await fails(diary)

    assert (job.error_code, job.error_details) == ("upstream_unreachable", {"provider": "of author"})
    assert job.attempts == 4


async def test_a_provider_that_does_not_answer(diary, author):
    author.usually = Reply(delay=60)
    job = await fails(diary)

    assert job.error_code == "upstream_timeout"
    assert job.attempts == 4


async def test_one_that_comes_back_is_asked_again(diary, author):
    author.next_replies.extend(
        [Reply(500, {"error": {"message": "no"}}), Reply(503, {"error": {"message": "no"}})]
    )
    await diary.ask(force=True)
    (job,) = await diary.work()

    assert (job.status, job.attempts) == ("success", 3)
    assert (await diary.page()).version == 2


async def test_a_day_without_events(diary):
    async with diary.services.database.write() as session:
        await session.execute(text("DELETE FROM events"))
    job = await fails(diary, force=False)

    assert (job.error_code, job.error_details) == ("no_events", {"day": "2026-11-20"})
    assert "no events on 2026-11-20" in job.error_message
    assert "The page is unchanged." in job.error_message
    assert (await diary.page()).is_stale
    other = DAY + timedelta(days=1)
    await diary.ask(other)
    (job,) = await diary.work()
    assert job.error_code == "no_events"
    assert "page is unchanged" not in job.error_message
    assert (await diary.page(other)).version == 0


async def test_no_model_at_all(diary):
    async with diary.services.database.write() as session:
        await session.execute(text("UPDATE llm_configs SET enabled = false"))
    await read_providers(diary.resources)
    job = await fails(diary)

    assert job.error_code == "no_model"
    assert "DAYBOOK_DIARY_MODEL" in job.error_message


async def test_somebody_who_left(diary):
    await diary.ask(force=True)
    async with diary.services.database.write() as session:
        await session.execute(text("UPDATE users SET active = false"))
    (job,) = await diary.work()

    assert job.error_code == "user_inactive"


async def test_a_cancelled_job_writes_nothing(diary, author):
    author.usually = Reply(stall=True)
    async with diary.services.database.write() as session:
        await session.execute(text("UPDATE llm_configs SET settings = '{}'"))
    await read_providers(diary.resources)
    requested = await diary.ask(force=True)
    work = asyncio.create_task(diary.work())
    while len(author.received) < 2:
        await asyncio.sleep(0.02)
    assert (await diary.page()).job.status == "processing"
    await diary.cancel(requested.job_id)
    (job,) = await asyncio.wait_for(work, 5)

    assert job.status == "cancelled"
    assert (await diary.page()).version == 1
    assert (await diary.page()).job is None


async def test_an_older_job_that_is_tried_again_is_the_one_that_the_page_tells_of(diary, author):
    author.next_replies.append(Reply(401, {"error": {"message": "no"}}))
    old = await fails(diary)
    await diary.written(force=True)
    async with diary.services.database.write() as session:
        await jobs.retry(session, old.id)

    assert ((await diary.page()).job.id, (await diary.page()).job.status) == (old.id, "pending")
    author.next_replies.append(Reply(401, {"error": {"message": "no"}}))
    await diary.work()
    assert ((await diary.page()).job.id, (await diary.page()).job.status) == (old.id, "failed")


async def test_it_is_cancelled_in_time_while_nobody_tells_what_it_cost(diary, author, monkeypatch):
    async def unknown(_client, _job_id):
        await asyncio.sleep(60)

    monkeypatch.setattr(InternalClient, "costs", unknown)
    author.usually = Reply(stall=True)
    async with diary.services.database.write() as session:
        await session.execute(text("UPDATE llm_configs SET settings = '{}'"))
    await read_providers(diary.resources)
    requested = await diary.ask(force=True)
    work = asyncio.create_task(diary.work())
    while len(author.received) < 2:
        await asyncio.sleep(0.02)
    await diary.cancel(requested.job_id)
    (job,) = await asyncio.wait_for(work, 3)  # a worker that is told to stop takes a moment, too

    assert job.status == "cancelled"
    assert (job.finished_at - job.cancel_requested_at).total_seconds() < 2


async def test_why_it_failed_is_said_also_where_its_costs_cannot_be_known(diary, author, monkeypatch):
    async def away(_client, _job_id):
        raise ConnectionResetError

    monkeypatch.setattr(InternalClient, "costs", away)
    author.usually = Reply(401, {"error": {"message": "bad key"}})
    job = await fails(diary)

    assert job.error_code == "upstream_auth"


async def test_tried_again_after_the_trouble_it_pays_only_for_what_is_new(diary, author):
    author.next_replies.append(Reply(401, {"error": {"message": "no"}}))
    job = await fails(diary)
    async with diary.services.database.write() as session:
        await jobs.retry(session, job.id)
    author.usually = page([sentence("Ben and I had tea.", 1)])
    (again,) = await diary.work()

    assert (again.id, again.status) == (job.id, "success")
    assert (await diary.page()).content == "Ben and I had tea."
    assert (await diary.page()).job is None
