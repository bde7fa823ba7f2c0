"""What becomes of the page that was written of a sample day when the sample is taken away."""

from datetime import UTC, datetime

import pytest_asyncio

from daybook.lifelog.diary import service as pages
from daybook.lifelog.diary.schemas import OwnTextRequest
from daybook.lifelog.events.models import Event
from daybook.lifelog.sample import service as sample
from support.lifelog.diary import DAY, diary_with_author


@pytest_asyncio.fixture
async def diary(database, database_url, tmp_path):
    """Ana's diary, with a model that copies its notes."""
    async with diary_with_author(database, database_url, tmp_path / "data") as diary:
        yield diary


@pytest_asyncio.fixture
async def sampled(diary):
    """A diary whose day is the sample's, and the function that takes the sample away."""
    async with diary.services.database.write() as session:
        await sample.make_sample_day(session, diary.user, DAY)

    async def remove():
        async with diary.services.database.write() as session:
            await sample.remove_sample_day(session, diary.user, DAY)

    return diary, remove


async def test_the_page_that_was_written_of_it_alone_goes_with_it(sampled):
    diary, remove = sampled
    assert (await diary.written()).version == 1

    await remove()
    page = await diary.page()
    assert (page.version, page.content, page.events_count) == (0, None, 0)


async def test_a_page_that_is_being_written_of_it_is_not_written_any_more(sampled):
    diary, remove = sampled
    job = (await diary.ask()).job_id

    await remove()
    assert [(one.id, one.status) for one in await diary.jobs()] == [(job, "cancelled")]


async def test_ones_own_text_keeps_the_page(sampled):
    diary, remove = sampled
    await diary.written()
    async with diary.services.database.write() as session:
        await pages.set_own_text(session, diary.user, DAY, OwnTextRequest(text="I liked that day."))

    await remove()
    page = await diary.page()
    assert (page.version, page.own_text) == (1, "I liked that day.")


async def test_an_event_of_ones_own_keeps_the_page_that_tells_of_it(sampled):
    diary, remove = sampled
    own = await diary.event("12:00", "Lunch with Ben.")
    await diary.written()
    async with diary.services.database.write() as session:
        await session.delete(await session.get_one(Event, own))
    await diary.event("12:30", "Noodles with Ben.")

    await remove()
    page = await diary.page()
    assert (page.version, page.is_stale, page.events_count) == (1, True, 1)


async def test_an_earlier_version_that_tells_of_ones_own_event_keeps_the_page(sampled):
    diary, remove = sampled
    own = await diary.event("12:00", "Lunch with Ben.")
    await diary.written()
    async with diary.services.database.write() as session:
        (await session.get_one(Event, own)).start_time = None
    assert (await diary.written(force=True)).version == 2
    async with diary.services.database.write() as session:
        event = await session.get_one(Event, own)
        event.start_time = datetime(2026, 11, 20, 4, tzinfo=UTC)

    await remove()
    assert (await diary.page()).version == 2


async def test_after_a_page_without_it_nothing_is_taken_away(sampled):
    diary, remove = sampled
    await remove()
    await diary.event("12:00", "Lunch with Ben.")
    await diary.written()

    await remove()
    assert (await diary.page()).version == 1
