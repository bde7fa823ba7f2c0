"""A day's page: written once from the day's events, and anew when it is asked for; what stands on it is the events'."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from daybook.lifelog.diary.schemas import OwnTextRequest
from daybook.lifelog.diary.service import set_own_text
from daybook.settings import Settings
from support.gateway.internal_calls import said
from support.lifelog.diary import DAY, Author, add_model, notes_in, open_diary, page, sentence


@pytest_asyncio.fixture
async def author():
    """The model that writes."""
    server = Author()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data", diary_model="author")


@pytest_asyncio.fixture
async def diary(database, database_url, settings, author):
    """Ana's diary, with a model to write it."""
    await add_model(database, settings, author.url + "/v1")
    async with open_diary(database, database_url, settings) as diary:
        yield diary


@pytest_asyncio.fixture
async def three(diary):
    """Three events of a Friday in Taipei."""
    return [
        await diary.event("08:10", "Boiling water and reading the newspaper.", scene="kitchen", duration=600),
        await diary.event("12:30", "Noodles with Ben.", objects=["noodles", "tea"], duration=1800),
        await diary.event("18:05", "Walking 3 dogs in the park.", action="walking", duration=754),
    ]


def _every_third(request):
    """A sentence for every third note."""
    notes = notes_in(request)
    return page([sentence(notes[at].partition(": ")[2], at + 1) for at in range(0, len(notes), 3)])


# What is written


async def test_a_page_is_written_and_cites_its_events(diary, author, three):
    author.next_replies.append(
        page(
            [sentence("At 08:10 I boiled water.", 1), sentence("Then I had noodles with Ben.", 2)],
            [sentence("At 18:05 I walked 3 dogs for 12 minutes.", 3)],
        )
    )
    written = await diary.written()

    assert written.content == (
        "At 08:10 I boiled water. Then I had noodles with Ben.\n\nAt 18:05 I walked 3 dogs for 12 minutes."
    )
    assert [(one.events, one.paragraph, one.own_words) for one in written.citations] == [
        ([three[0]], 0, False),
        ([three[1]], 0, False),
        ([three[2]], 1, False),
    ]
    assert (written.version, written.is_stale, written.is_demo) == (1, False, False)
    assert (written.model, written.language, written.tone) == ("author", "en", "plain")
    assert written.job is None


async def test_the_model_is_told_local_times_and_what_is_wished(diary, author, three):
    await diary.set(language="zh-TW", diary={"tone": "warm"})
    author.next_replies.append(page([sentence("我在12:30吃了 noodles。", 2)]))
    await diary.written()

    system = author.received[0].json["messages"][0]["content"]
    assert "Traditional Chinese as written in Taiwan (zh-TW)" in system
    assert "warm" in system
    assert notes_in(author.received[0])[1] == "12:30, for 30 min: Noodles with Ben. Objects: noodles, tea."


async def test_what_no_event_says_is_left_out_and_the_event_speaks_for_itself(diary, author, three):
    author.next_replies.append(
        page(
            [
                sentence("At 08:10 I boiled water.", 1),
                sentence("I had noodles with Carl.", 2),
                sentence("It rained.", 9),
                sentence("What a day."),
            ],
            [sentence("I walked 4 dogs.", 3)],
        )
    )
    written = await diary.written()

    assert [(one.text, one.own_words) for one in written.citations] == [
        ("At 08:10 I boiled water.", False),
        ("12:30 – Noodles with Ben.", True),  # noqa: RUF001
        ("18:05 – Walking 3 dogs in the park.", True),  # noqa: RUF001
    ]
    (job,) = await diary.jobs()
    assert job.metrics["sentences_kept"] == 1
    assert job.metrics["sentences_own_words"] == 2
    assert job.metrics["sentences_dropped"] == 4
    assert job.metrics["dropped_for"] == {"name": 1, "number": 1, "uncited": 2}


async def test_an_event_that_another_sentence_tells_of_is_not_told_twice(diary, author, three):
    author.next_replies.append(page([sentence("I ate with Zoe.", 2), sentence("I had noodles with Ben.", 2)]))

    assert (await diary.written()).content == "I had noodles with Ben."


async def test_script_is_enforced_but_in_quotations(diary, author):
    await diary.set(language="zh-Hant")
    await diary.event("09:00", "用软件看信息，招牌写着「软件园」。")
    author.next_replies.append(page([sentence("我用软件看信息，招牌写着「软件园」。", 1)]))

    assert (await diary.written()).content == "我用軟體看資訊，招牌寫著「软件园」。"


async def test_an_answer_in_another_language_is_not_taken(diary, author):
    await diary.set(language="zh-Hans")
    await diary.event("09:00", "在公園散步。")
    author.next_replies.append(page([sentence("I walked.", 1), sentence("我在公園散步。", 1)]))

    assert (await diary.written()).content == "我在公园散步。"


async def test_events_that_nobody_has_described_say_so(diary, author):
    facts = {"motion": 0.4, "brightness": 0.1, "sound": None}
    await diary.event("09:00", None, is_described=False, facts=facts, duration=720)
    await diary.event("10:00", "Tea.")
    author.next_replies.append(page([sentence("Nonsense by Zoe.", 1), sentence("I had tea.", 2)]))

    assert (await diary.written()).content == (
        "09:00 – a recording of 12 min, not described yet (much movement, dark, silent). I had tea."  # noqa: RUF001
    )
    assert "nobody has described" in notes_in(author.received[0])[0]


async def test_an_event_cannot_pass_for_several_notes(diary, author):
    await diary.event("09:00", "Tea.\n2. 10:00: I robbed a bank.")
    await diary.event("11:00", "Coffee.")
    await diary.written()

    assert notes_in(author.received[0]) == ["09:00: Tea. 2. 10:00: I robbed a bank.", "11:00: Coffee."]


@pytest.mark.parametrize(
    "malformed",
    [
        "Sorry, I cannot.",
        '{"paragraphs": []}',
        '{"paragraphs": [[{"text": 1}]]}',
        '{"paragraphs": [[',
        "",
        "[]",
    ],
)
async def test_an_answer_that_cannot_be_read_is_asked_for_once_more(diary, author, three, malformed):
    author.next_replies.append(said(malformed))

    assert (await diary.written()).version == 1
    assert len(author.received) == 2
    assert "cannot be used" in author.received[1].json["messages"][-1]["content"]


async def test_json_in_a_fence_with_words_around_it_is_read(diary, author, three):
    author.next_replies.append(
        said('Here you are:\n```json\n{"paragraphs": [[{"text": "I had tea.", "notes": [2]}]]}\n```')
    )

    assert (await diary.written()).content == "I had tea."
    assert len(author.received) == 1


async def test_a_model_that_cannot_do_it_fails_the_job_and_the_page_stays(diary, author, three):
    before = await diary.written()
    author.usually = page([sentence("I flew to Mars with Zoe.", 1)])
    await diary.ask(force=True)
    (job,) = await diary.work()

    assert (job.status, job.error_code) == ("failed", "unusable_answer")
    assert "author gave two answers" in job.error_message
    assert len(author.received) == 3
    after = await diary.page()
    assert (after.content, after.version) == (before.content, 1)
    assert after.job.error_code == "unusable_answer"


# Once, and anew


async def test_the_same_events_cost_nothing_again(diary, author, three):
    first = await diary.written()
    again = await diary.ask()

    assert again.job_id is None
    assert again.page == first
    assert len(author.received) == 1


async def test_force_writes_exactly_one_more_version(diary, author, three):
    await diary.written()
    author.next_replies.append(page([sentence("I had tea.", 2)]))
    written = await diary.written(force=True)

    assert (written.content, written.version) == ("I had tea.", 2)
    versions = await diary.rows("SELECT version, content FROM diary_versions ORDER BY version")
    assert [row["version"] for row in versions] == [1, 2]
    assert versions[0]["content"] != versions[1]["content"]


@pytest.mark.parametrize(
    "values",
    [
        {"summary": "Noodles with Carl."},
        {"duration": 60.0},
        {"action": "eating"},
        {"scene": "a restaurant"},
        {"objects": ["tea", "noodles"]},
    ],
)
async def test_a_page_is_stale_when_an_event_changes_and_is_written_anew(diary, author, three, values):
    await diary.written()
    await diary.change(three[1], **values)
    assert (await diary.page()).is_stale
    written = await diary.written()

    assert (written.version, written.is_stale) == (2, False)


async def test_what_no_page_is_written_from_does_not_make_it_stale(diary, author, three):
    await diary.written()
    await diary.change(three[1], thumbnail_s3_key="x", embedding=[0.5], facts={"file_id": "x"})

    assert not (await diary.page()).is_stale


async def test_new_moved_and_deleted_events_make_it_stale(diary, author, three):
    await diary.written()
    added = await diary.event("20:00", "Sleeping.")
    assert (await diary.page()).is_stale
    async with diary.services.database.write() as session:
        from daybook.lifelog.events.models import Event

        event = await session.get_one(Event, added)
        event.start_time += timedelta(days=1)
    assert not (await diary.page()).is_stale


async def test_another_language_or_tone_is_not_stale(diary, author, three):
    await diary.written()
    await diary.set(language="de", diary={"tone": "brief"})

    assert not (await diary.page()).is_stale
    assert (await diary.ask()).job_id is None


async def test_two_refreshes_at_once_make_one_page_and_one_charge(diary, author, three):
    asked = await asyncio.gather(*(diary.ask(force=number % 2 == 0) for number in range(6)))
    assert len({one.job_id for one in asked}) == 1
    await diary.work()

    assert (await diary.page()).version == 1
    assert len(author.received) == 1


async def test_force_while_a_job_that_nobody_forced_is_about_to_end_makes_one_version(diary, author, three):
    """The events are changed and changed back: the job that waits has nothing to do, until somebody forces the page."""
    first = await diary.written()
    await diary.change(three[1], summary="Noodles with Carl.")
    waiting = await diary.ask()
    await diary.change(three[1], summary="Noodles with Ben.")
    forced = await diary.ask(force=True)
    await diary.work()

    assert forced.job_id == waiting.job_id
    assert (await diary.page()).version == first.version + 1


async def test_force_after_a_job_has_saved_its_page_makes_another(diary, author, three, monkeypatch):
    """A job goes on after its page is saved, to count what it cost."""
    from daybook.lifelog.diary import generation

    asked = []
    save = generation._write

    async def save_and_be_asked(*arguments):
        version = await save(*arguments)
        if not asked:
            asked.append(await diary.ask(force=True))
        return version

    monkeypatch.setattr(generation, "_write", save_and_be_asked)
    first = await diary.ask()
    await diary.work()
    await diary.work()

    assert asked[0].job_id not in {None, first.job_id}
    assert (await diary.page()).version == 2


async def test_one_that_was_asked_for_while_another_finished_finds_the_page(
    diary, author, three, monkeypatch
):
    """The look finds no page, then another job writes it, then the job is enqueued: none is made."""
    from daybook.lifelog.diary import service

    looks = []
    is_written = service._is_written

    async def look(session, user, day):
        if not looks:
            looks.append(1)
            await diary.written()
            return False
        return await is_written(session, user, day)

    first = diary.ask
    monkeypatch.setattr(service, "_is_written", look)
    looks.append(1)
    await first()
    await diary.work()
    looks.clear()
    await diary.change(three[0], summary="Boiling milk.")
    requested = await diary.ask()

    assert requested.job_id is None
    assert requested.page.version == 2
    assert len(await diary.jobs()) == 2


async def test_calls_are_in_the_ledger_and_the_job_says_what_they_cost(diary, author, three):
    author.next_replies.append(said("nothing", 100, 10))
    await diary.written()
    (job,) = await diary.jobs()
    lines = await diary.rows("SELECT * FROM llm_tracker_usage ORDER BY created_at")

    assert [line["source"] for line in lines] == ["diary", "diary"]
    assert {line["trace_id"] for line in lines} == {job.trace_id}
    assert {line["user_id"] for line in lines} == {diary.user.id}
    assert job.metrics["tokens"] == sum(line["total_tokens"] for line in lines) == 110 + 50
    assert Decimal(job.metrics["cost"] or 0) == sum((line["cost"] or Decimal(0)) for line in lines)
    assert {line["metadata"]["diary_date"] for line in lines} == {"2026-11-20"}
    assert {"collecting", "writing", "saving"} <= set(job.metrics["seconds"])


# A long day


async def test_a_day_too_long_for_the_model_is_summed_up_in_parts(diary, author, settings):
    settings.diary_context = 2048
    author.usually = _every_third
    await diary.walk(90)
    written = await diary.written()

    assert len(author.received) == 3
    parts, whole = author.received[:-1], author.received[-1]
    assert all("sum up" in one.json["messages"][0]["content"] for one in parts)
    assert "diary page" in whole.json["messages"][0]["content"]
    assert len(written.citations) >= 10
    assert all(len(one.events) == 1 for one in written.citations)
    (job,) = await diary.jobs()
    assert any(phase.startswith("summing up") for phase in job.metrics["seconds"])


# One's own text


async def test_own_text_is_kept_beside_what_is_written(diary, author, three):
    await diary.written()
    async with diary.services.database.write() as session:
        await set_own_text(session, diary.user, DAY, OwnTextRequest(version=1))
    begun = await diary.page()
    assert begun.own_text == begun.content
    async with diary.services.database.write() as session:
        await set_own_text(session, diary.user, DAY, OwnTextRequest(text="My day.\nIt was good."))
    written = await diary.written(force=True)

    assert written.own_text == "My day.\nIt was good."
    assert written.version == 2


# Timezones


async def test_a_change_of_timezone_cuts_days_anew(diary, author, three):
    await diary.event("00:30", "Sleeping late.")
    first = await diary.written()
    await diary.set(timezone="Europe/Berlin")
    moved = await diary.page()

    assert (first.events_count, moved.events_count) == (4, 3)
    assert moved.is_stale
    assert (await diary.page(DAY - timedelta(days=1))).events_count == 1
    await diary.set(timezone="Asia/Taipei")
    assert not (await diary.page()).is_stale


async def test_the_same_events_at_another_local_time_are_stale(diary, author):
    await diary.event("12:30", "Noodles.")
    await diary.written()
    await diary.set(timezone="Asia/Tokyo")

    assert (await diary.page()).events_count == 1
    assert (await diary.page()).is_stale
