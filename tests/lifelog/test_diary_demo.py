"""Pages of the offline demo model: the real one, and what becomes of whatever such a small one says."""

import asyncio
import contextlib
import sys
from datetime import timedelta

import httpx2
import pytest
import pytest_asyncio

from daybook.gateway.providers.local_models import DEMO_MODEL
from daybook.launcher import demo_model
from daybook.launcher.address import free_port
from daybook.lifelog.diary.demo import MOST_ASKED
from daybook.settings import Settings
from support.gateway.internal_calls import said
from support.lifelog.diary import DAY, Author, add_model, open_diary

ENGLISH = [
    ("08:10", "A woman walks a small brown dog along a path in a park."),
    ("09:00", "Three people sit at a table and eat noodles in a small restaurant."),
    ("11:30", "Typing on a laptop in an office."),
    ("15:00", "Cycling along the river towards the bridge."),
]
CHINESE = [
    ("08:10", "一名女子在公園的小路上遛一隻棕色小狗。"),
    ("12:00", "三個人坐在小餐館的桌邊吃麵。"),
    ("15:00", "在辦公室用筆電打字，旁邊有一杯咖啡。"),
]


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data")


@pytest_asyncio.fixture
async def small(database, database_url, settings):
    """A diary with a model on loopback in the demo model's place, which says what a test tells it to."""
    author = Author()
    await author.start()
    await add_model(database, settings, author.url + "/v1", DEMO_MODEL)
    async with open_diary(database, database_url, settings) as diary:
        yield diary, author
    await author.stop()


@pytest.mark.parametrize(
    "answer",
    [
        "I saw a woman walk a small brown dog along a path in a park.",
        "A woman walked a brown dog. She is a robot.",
    ],
)
async def test_a_sentence_that_says_what_the_event_says_is_taken(small, answer):
    diary, author = small
    await diary.event(*ENGLISH[0])
    author.usually = said(answer)
    written = await diary.written()

    assert written.content == "08:10 – " + answer.removesuffix(" She is a robot.")  # noqa: RUF001
    assert written.is_demo
    assert not written.citations[0].own_words


@pytest.mark.parametrize(
    "answer",
    [
        "I saw a woman walk a small brown dog along a path with my friends.",
        "I saw two women walk a small brown dog.",
        "I was walking a small brown dog along a path in a park.",
        "I'm here to help with whatever you need.",
        "A woman walks. A",
        "A woman a woman a woman a woman a woman a woman.",
        "Note: I saw two children play",
        "I was there.",
        "",
        "\n\n",
        "公園公園公園。",
    ],
)
async def test_whatever_else_it_says_the_event_speaks_for_itself(small, answer):
    diary, author = small
    event = await diary.event(*ENGLISH[0])
    author.usually = said(answer)
    written = await diary.written()

    assert written.content == f"08:10 – {ENGLISH[0][1]}"  # noqa: RUF001
    assert (written.citations[0].events, written.citations[0].own_words) == ([event], True)


async def test_what_is_done_without_a_doer_was_done_by_the_person(small):
    diary, author = small
    await diary.event(*ENGLISH[2])
    author.usually = said("I was typing on a laptop in an office.")

    assert (await diary.written()).content == "11:30 – I was typing on a laptop in an office."  # noqa: RUF001


async def test_in_chinese_likewise_and_in_the_readers_script(small):
    diary, author = small
    await diary.set(language="zh-Hans")
    await diary.event(*CHINESE[0])
    author.next_replies.append(said("我在公園看見一名女子遛棕色小狗。"))
    assert (await diary.written()).content == "08:10 – 我在公园看见一名女子遛棕色小狗。"  # noqa: RUF001
    author.next_replies.append(said("美鳊美鳊美鳊美鳊美鳊"))

    assert (await diary.written(force=True)).content == "08:10 – 一名女子在公园的小路上遛一只棕色小狗。"  # noqa: RUF001


async def test_a_long_day_asks_only_so_often(small):
    diary, author = small
    for number in range(MOST_ASKED + 6):
        await diary.event(f"{number // 2:02}:{number % 2 * 30:02}", f"Making tea number {number}.")
    author.usually = said("no")
    written = await diary.written()

    assert len(author.received) == MOST_ASKED
    assert len(written.citations) == MOST_ASKED + 6


async def test_it_is_not_asked_to_translate(small):
    diary, author = small
    await diary.set(language="zh-Hant")
    await diary.event(*ENGLISH[0])

    assert (await diary.written()).content == f"08:10 – {ENGLISH[0][1]}"  # noqa: RUF001
    assert author.received == []


# The real one

STILL = {"motion": 0.01, "brightness": 0.4, "sound": None}
PATIENCE = 240  # seconds: it shares the processors with whatever else is tested


@pytest_asyncio.fixture
async def real(database, database_url, settings):
    """A diary with the demo model itself."""
    if reason := demo_model.why_not():
        pytest.skip(f"no demo model here: {reason}")
    port = free_port()
    arguments = ["--port", str(port), "--model", str(demo_model.find_model())]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daybook.launcher.demo_model", *arguments, stdout=quiet, stderr=quiet
    )
    try:
        await _wait_for(port, process)
        await add_model(database, settings, f"http://127.0.0.1:{port}/v1", DEMO_MODEL)
        async with open_diary(database, database_url, settings) as diary:
            yield diary
    finally:
        process.terminate()
        await process.wait()


async def _wait_for(port, process):
    async with asyncio.timeout(60), httpx2.AsyncClient() as http:
        while True:
            assert process.returncode is None
            with contextlib.suppress(httpx2.TransportError):
                if (await http.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def test_a_page_of_the_demo_model_can_be_read_and_is_labelled(real):
    for clock, summary in ENGLISH[1:3]:
        await real.event(clock, summary)
    for clock, summary in CHINESE[:1]:
        await real.event(clock, summary, DAY + timedelta(days=1))
    await real.event("20:00", None, is_described=False, facts=STILL, duration=200)
    english = await real.written(within=PATIENCE)
    await real.set(language="zh-Hant")
    chinese = await real.written(DAY + timedelta(days=1), within=PATIENCE)
    print(english.content, chinese.content, sep="\n---\n")  # noqa: T201  (shown where the test fails)

    for page, events in ((english, [*ENGLISH[1:3], ("20:00", "")]), (chinese, CHINESE[:1])):
        assert page.is_demo
        assert len(page.citations) == len(events)
        for citation, (clock, _) in zip(page.citations, events, strict=True):
            assert citation.text.startswith(clock)
            assert len(citation.text) < 160
    assert "200" not in english.content
    assert "a recording of 3 min, not described yet (hardly any movement, silent)" in english.content
    jobs = await real.jobs()
    assert all(job.metrics["tokens"] > 0 for job in jobs)
    assert {line["cost"] for line in await real.rows("SELECT cost FROM llm_tracker_usage")} <= {None, 0}


async def test_what_was_measured_stands_on_a_page_in_its_language_and_makes_no_page_stale(small):
    diary, author = small
    await diary.set(language="zh-Hant")
    await diary.event(
        "08:10",
        "5 秒的影片：動作很多，沒有聲音。",
        duration=5.0,
        is_described=False,
        facts={"motion": 0.5, "brightness": 0.4, "sound": None},
    )
    author.usually = said("no")
    assert (await diary.written()).content == "08:10 – 5 秒的影片：動作很多，沒有聲音。"  # noqa: RUF001

    await diary.set(language="en")
    assert not (await diary.page()).is_stale
    written = await diary.written(force=True)
    assert written.content == "08:10 – Video of 5 s: much movement, silent."  # noqa: RUF001


async def test_that_a_model_which_was_wished_for_did_not_write_is_told(small):
    diary, author = small
    await diary.set(models={"diary": "gpt-misspelt"})
    await diary.event(*ENGLISH[0])
    author.usually = said("no")

    written = await diary.written()
    assert (written.is_demo, written.passed_over) == (True, "gpt-misspelt")
    (job,) = await diary.jobs()
    assert "'gpt-misspelt' of your setting models.diary cannot be used" in job.metrics["other_model_because"]

    await diary.set(models=None)
    assert (await diary.written(force=True)).passed_over is None
    assert "other_model_because" not in (await diary.jobs())[-1].metrics
